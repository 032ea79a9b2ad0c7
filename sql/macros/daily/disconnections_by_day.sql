-- Why calls ended, by day and agent.
-- Grain: day × agent_id × disconnection_reason, both of which may be null.
-- Source: calls that are neither registered nor ongoing, as in disconnection_breakdown. A call that
-- never connected has no start; it belongs to the day on which it was first seen.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_disconnections reads it.
create or replace macro disconnections_by_day(chosen := true) as table
with ended_calls as (
    select
        cast(coalesce(started_at, first_seen_at) as date) as day,
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
