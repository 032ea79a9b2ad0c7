-- The members of a JSON object as a list of keys and values; an empty list for anything else.
-- Grain: scalar. Source: none. A rerun replaces the macro.
create or replace macro entries_of(object) as
if(
    json_type(object) = 'OBJECT',
    map_entries(cast(object as map(varchar, json))),
    cast([] as struct("key" varchar, "value" json)[])
);
