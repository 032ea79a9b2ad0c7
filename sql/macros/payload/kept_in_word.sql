-- Fields of a word of a transcript that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_word() as
['word', 'start', 'end'];
