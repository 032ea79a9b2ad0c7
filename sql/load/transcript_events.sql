-- Fills transcript_events from the staged payloads.
-- Grain: woven item that is neither speech nor part of a tool call. Source: staged_items.
-- A result without its invocation is kept here, so that nothing woven is lost.
-- A rerun replaces the same rows.
delete from transcript_events
where call_id in (select call_id from replaced);

insert into transcript_events by name
with results as (
    select
        *,
        row_number() over (
            partition by call_id, role, tool_call_id
            order by item_index
        ) as result_number
    from staged_items
    where not is_speech
),

events as (
    select results.*
    from results
    where
        results.role is distinct from 'tool_call_invocation'
        and not (
            results.role is not distinct from 'tool_call_result'
            and results.result_number = 1
            and exists (
                select 1
                from staged_items as invocations
                where
                    invocations.role = 'tool_call_invocation'
                    and invocations.call_id = results.call_id
                    and invocations.tool_call_id = results.tool_call_id
            )
        )
)

select
    call_id,
    row_number() over (partition by call_id order by item_index) - 1 as event_index,
    role,
    utterance_index,
    item as event
from events;
