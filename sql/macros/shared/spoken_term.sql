-- The term that a transcribed word is: in lower case, without blanks and punctuation around it.
-- Grain: scalar; empty for a word of punctuation only. Source: none. A rerun replaces the macro.
--
-- Punctuation is what Unicode calls so, in any script (class P: also %, #, @, &), with blanks and
-- formatting that nobody sees (classes Z and Cf), in any order. Symbols (class S: $, €, +, °) stay,
-- because $5 and 5 are two terms; so do combining marks, which belong to their letters. Lower case
-- stands for the folding of case: DuckDB has no other, and it is what people type.
--
-- A list of characters trims ASCII, which most words are, in a fraction of the time of an expression.
create or replace macro spoken_term(word) as
case
    when strlen(word) = length(word)
        then trim(lower(word), e' \t\n\x0b\f\r!"#%&\'()*,-./:;?@[\\]_{}')
    else
        regexp_replace(
            lower(word), '^[\p{P}\p{Z}\p{Cf}\s]+|[\p{P}\p{Z}\p{Cf}\s]+$', '', 'g'
        )
end;
