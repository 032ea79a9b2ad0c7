-- A JSON object with these members, or null for none: the reverse of entries_beyond.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- Names its argument once: a macro is text, and planning takes as long as the text that it makes.
create or replace macro object_of(entries) as
nullif(to_json(map_from_entries(entries)), '{}');
