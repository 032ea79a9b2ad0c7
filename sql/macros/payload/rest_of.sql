-- The members of a JSON object beside those named; null when there are none, or for no object.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- The test on the keys comes first, because mostly there is no rest and no object has to be taken apart.
-- A macro is text: the name of its lambda must be none that its arguments use.
create or replace macro rest_of(object, names) as
case
    when json_type(object) = 'OBJECT' and not list_has_all(names, json_keys(object))
        then to_json(
            map_from_entries(
                list_filter(
                    map_entries(cast(object as map(varchar, json))),
                    lambda member: not list_contains(names, member."key")
                )
            )
        )
end;
