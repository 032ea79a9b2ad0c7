-- Why calls ended, by day and agent.
-- Grain: day × agent_id × disconnection_reason, both of which may be null.
-- Source: calls that are neither registered nor ongoing, as in disconnection_breakdown. A call that
-- never connected has no start; it belongs to the day on which it was first seen.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnections as
with ended_calls as (
    select
        cast(coalesce(started_at, first_seen_at) as date) as day,
        agent_id,
        disconnection_reason,
        duration_ms
    from calls
    where call_status not in ('registered', 'ongoing')
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

comment on view daily_disconnections is
    'Why calls ended, by day and agent: count, share and average duration of calls that are over';
comment on column daily_disconnections.day is
    'Day (UTC) of the call''s start, or of when it was first seen if it never started';
comment on column daily_disconnections.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_disconnections.disconnection_reason is
    'Reason as the API sent it; null for calls without one';
comment on column daily_disconnections.category is
    'Category of the reason, as in disconnection_breakdown';
comment on column daily_disconnections.calls is 'Calls that ended for this reason';
comment on column daily_disconnections.share is
    'Share of the calls of that day and agent that are over, 0 to 1';
comment on column daily_disconnections.avg_duration_ms is
    'Average duration in ms where known; 0 counts, which is what calls that never connected send';
