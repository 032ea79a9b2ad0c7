-- Why calls ended, by day, agent and category of the reason.
-- Grain: day × agent_id × category. Source: calls that are neither registered nor ongoing.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnection_categories as
with by_category as (
    select
        cast(coalesce(started_at, first_seen_at) as date) as day,
        agent_id,
        disconnection_category(disconnection_reason) as category,
        count(*) as calls,
        avg(duration_ms) as avg_duration_ms
    from calls
    where call_status not in ('registered', 'ongoing')
    group by day, agent_id, category
),

-- A join of few rows is faster than a window over them.
by_agent as (
    select
        day,
        agent_id,
        sum(calls) as all_calls
    from by_category
    group by day, agent_id
)

select
    by_category.day,
    by_category.agent_id,
    by_category.category,
    by_category.calls,
    by_category.calls / by_agent.all_calls as share,
    by_category.avg_duration_ms
from by_category
inner join by_agent
    on by_category.day = by_agent.day
    and by_category.agent_id is not distinct from by_agent.agent_id;

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
