-- How the analysis judged the connected calls of each day and agent, value by value.
-- Grain: day × agent_id × rating × value, for values that occur, newer ones too.
-- Source: calls that are connected and over, call_analysis. v1's and today's stand side by side.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_ratings as
with judged as (
    select
        cast(coalesce(calls.started_at, calls.first_seen_at) as date) as day,
        calls.agent_id,
        call_analysis.user_sentiment,
        call_analysis.agent_sentiment,
        call_analysis.agent_task_completion_rating,
        call_analysis.call_completion_rating,
        cast(call_analysis.call_successful as varchar) as call_successful
    from calls
    inner join call_analysis
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

comment on view daily_ratings is
    'How the analysis judged connected calls, value by value: v1 ratings and today''s';
comment on column daily_ratings.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_ratings.agent_id is 'Agent of the calls; null where the payload names none';
comment on column daily_ratings.rating is
    'Field of the analysis: user_sentiment, call_successful, or of v1 agent_sentiment, '
    'agent_task_completion_rating, call_completion_rating';
comment on column daily_ratings.value is 'Its value as sent; call_successful as true or false';
comment on column daily_ratings.calls is 'Connected calls that are over and have this value';
comment on column daily_ratings.share is
    'Share of the calls of that day and agent that have the rating, 0 to 1';
