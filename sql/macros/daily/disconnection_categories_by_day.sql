-- Why calls ended, by day, agent and category of the reason.
-- Grain: day × agent_id × category. Source: calls that are neither registered nor ongoing.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_disconnection_categories reads it.
create or replace macro disconnection_categories_by_day(chosen := true) as table
-- Counted by reason first: the category of each is then told once, not once a call.
with by_reason as (
    select
        day,
        agent_id,
        disconnection_reason,
        count(*) as calls,
        sum(duration_ms) as duration_ms,
        count(duration_ms) as timed_calls
    from visible_calls() as calls
    where
        call_status not in ('registered', 'ongoing')
        and chosen
    group by day, agent_id, disconnection_reason
),

by_category as (
    select
        day,
        agent_id,
        disconnection_category(disconnection_reason) as category,
        cast(sum(calls) as bigint) as calls,
        sum(duration_ms) / nullif(sum(timed_calls), 0) as avg_duration_ms
    from by_reason
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
    on by_category.day is not distinct from by_agent.day
    and by_category.agent_id is not distinct from by_agent.agent_id;
