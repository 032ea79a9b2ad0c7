-- How the analysis judged the connected calls of each day and agent, value by value.
-- Grain: day × agent_id × rating × value, for values that occur, newer ones too.
-- Source: calls that are connected and over, call_analysis. v1's and today's stand side by side.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_ratings reads it.
create or replace macro ratings_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from visible_calls() as calls
    where chosen
),

judged as (
    select
        calls.day,
        calls.agent_id,
        call_analysis.user_sentiment,
        call_analysis.agent_sentiment,
        call_analysis.agent_task_completion_rating,
        call_analysis.call_completion_rating,
        cast(call_analysis.call_successful as varchar) as call_successful
    from calls_of_day as calls
    inner join analyses_of_calls() as call_analysis
        on calls.call_id = call_analysis.call_id
    where
        calls.call_status not in ('registered', 'ongoing')
        and is_connected(calls.call_status, calls.started_at, calls.disconnection_reason)
),

-- Counted before they are turned into rows: there are few combinations.
counted as (
    select
        *,
        count(*) as calls
    from judged
    group by all
),

ratings as (
    unpivot counted
    on
        user_sentiment,
        agent_sentiment,
        agent_task_completion_rating,
        call_completion_rating,
        call_successful
    into name rating value value
)

select
    day,
    agent_id,
    rating,
    value,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over (partition by day, agent_id, rating) as share
from ratings
group by day, agent_id, rating, value;
