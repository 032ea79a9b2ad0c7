-- Why calls ended, by day, agent and category of the reason.
-- Grain: day × agent_id × category. Source: calls that are neither registered nor ongoing.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnection_categories as
with by_reason as (
    select
        cast(coalesce(started_at, first_seen_at) as date) as day,
        agent_id,
        disconnection_reason,
        count(*) as calls,
        sum(duration_ms) as total_ms,
        count(duration_ms) as timed_calls
    from calls
    where call_status not in ('registered', 'ongoing')
    group by day, agent_id, disconnection_reason
)

select
    day,
    agent_id,
    disconnection_category(disconnection_reason) as category,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over (partition by day, agent_id) as share,
    sum(total_ms) / nullif(sum(timed_calls), 0) as avg_duration_ms
from by_reason
group by day, agent_id, category;

comment on view daily_disconnection_categories is
    'Why calls ended, by day, agent and category of the reason';
comment on column daily_disconnection_categories.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_disconnection_categories.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_disconnection_categories.category is
    'Category of the disconnection reason, as in disconnection_reasons';
comment on column daily_disconnection_categories.calls is
    'Calls that are over and ended for a reason of this category';
comment on column daily_disconnection_categories.share is
    'Share of the calls of that day and agent that are over, 0 to 1';
comment on column daily_disconnection_categories.avg_duration_ms is
    'Average duration in ms where known; 0 counts, which is what calls that never connected send';
