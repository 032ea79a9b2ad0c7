-- A JSON object without the members that are null.
-- Grain: scalar. Source: none. A rerun replaces the macro.
create or replace macro without_nulls(object) as
coalesce(
    object_of(
        list_filter(
            map_entries(cast(object as map(varchar, json))),
            lambda member: member."value" is not null and json_type(member."value") != 'NULL'
        )
    ),
    '{}'
);
