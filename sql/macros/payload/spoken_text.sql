-- What a turn says without its blanks, to tell whether two transcripts say the same; empty for null.
-- Grain: scalar, never null. Source: none. A rerun replaces the macro.
create or replace macro spoken_text(content) as
regexp_replace(coalesce(content, ''), '\s+', '', 'g');
