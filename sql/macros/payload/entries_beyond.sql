-- The members of a JSON object beside those named, as keys and values; an empty list for no object.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- The test on the keys comes first, because mostly there is no rest and no object has to be taken apart.
-- A macro is text: give it a column, since an expression would be computed at each place that it stands in.
create or replace macro entries_beyond(object, names) as
if(
    json_type(object) = 'OBJECT' and not list_has_all(names, json_keys(object)),
    list_filter(
        map_entries(cast(object as map(varchar, json))),
        lambda member: not list_contains(names, member."key")
    ),
    cast([] as struct("key" varchar, "value" json)[])
);
