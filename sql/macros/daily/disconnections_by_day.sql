-- Why calls ended, by day and agent.
-- Grain: day × agent_id × disconnection_reason, both of which may be null.
-- Source: calls that are neither registered nor ongoing, as in disconnection_breakdown. Calls whose
-- date is unknown have no day: they are a group of their own.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_disconnections reads it.
create or replace macro disconnections_by_day(chosen := true) as table
with ended_calls as (
    select
        day,
        agent_id,
        disconnection_reason,
        duration_ms
    from visible_calls() as calls
    where
        call_status not in ('registered', 'ongoing')
        and chosen
)

select
    day,
    agent_id,
    disconnection_reason,
    disconnection_category(disconnection_reason) as category,
    count(*) as calls,
    count(*) / sum(count(*)) over (partition by day, agent_id) as share,
    avg(duration_ms) as avg_duration_ms
from ended_calls
group by day, agent_id, disconnection_reason;
