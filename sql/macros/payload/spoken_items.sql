-- The items of a woven transcript that were spoken; an empty list where there are none, or no list.
-- Grain: scalar, a list of JSON objects. Source: none. A rerun replaces the macro.
create or replace macro spoken_items(woven) as
list_filter(
    coalesce(woven, []),
    lambda item: is_speech(item ->> '$.role', json_type(item, '$.words') = 'ARRAY')
);
