-- The woven items before or after the conversation, and the field they come from; null where there is none.
-- Grain: scalar, a struct. Source: none. A rerun replaces the macro.
-- Parameters: phase, pre_session or post_session; raw, its list; scrubbed, the scrubbed one as JSON.
create or replace macro items_of_phase(phase, raw, scrubbed) as
case
    when len(raw) > 0
        then {
            'source': phase || '_transcript_with_tool_calls',
            'items': raw
        }
    when json_type(scrubbed) = 'ARRAY'
        then {
            'source': 'scrubbed_' || phase || '_transcript_with_tool_calls',
            'items': cast(scrubbed as json[])
        }
end;
