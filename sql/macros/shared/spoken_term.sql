-- The term that a transcribed word is: in lower case, without punctuation around it.
-- Grain: scalar; empty for a word of punctuation only. Source: none. A rerun replaces the macro.
create or replace macro spoken_term(word) as
    trim(lower(word), '.,;:!?"''()[]{}…–—-¿¡«»“”‘’*');
