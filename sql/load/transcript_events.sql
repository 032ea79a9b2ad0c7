-- Fills transcript_events from the staged payloads.
-- Grain: woven item that is neither speech in a turn nor part of a tool call. Source: staged_items.
-- A result without its invocation is kept here, and so is speech that no turn has, so that nothing woven is
-- lost. A rerun replaces the same rows.
delete from transcript_events
where call_id in (select call_id from replaced);

insert into transcript_events by name
with counted as (
    select
        *,
        count(*) filter (where role = 'tool_call_invocation') over (
            partition by call_id, tool_call_id
        ) as invocation_count
    from staged_items
    where
        not is_speech
        or is_unplaced
),

events as (
    select *
    from counted
    where
        role is distinct from 'tool_call_invocation'
        and not (
            role is not distinct from 'tool_call_result'
            and tool_call_id is not null
            and use_number <= invocation_count
        )
)

select
    call_id,
    row_number() over (
        partition by call_id
        order by phase_place asc nulls last, item_index asc nulls last
    ) - 1 as event_index,
    role,
    utterance_index,
    item as event,
    phase,
    at_s
from events;
