-- How the analysis judged the connected calls of each day and agent, value by value.
-- Grain: day × agent_id × rating × value, for values that occur, newer ones too.
-- Source: stored_daily_ratings; for days that are not stored, the macro
-- ratings_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_ratings as
select *
from stored_daily_ratings
where day in (select day from stored_days)
union all by name
select *
from ratings_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_ratings is
    'How the analysis judged connected calls, value by value: v1 ratings and today''s';
comment on column daily_ratings.rating is
    'Field of the analysis: user_sentiment, call_successful, or of v1 agent_sentiment, '
    'agent_task_completion_rating, call_completion_rating';
comment on column daily_ratings.value is 'Its value as sent; call_successful as true or false';
comment on column daily_ratings.calls is 'Connected calls that are over and have this value';
comment on column daily_ratings.share is
    'Share of the calls of that day and agent that have the rating, 0 to 1';
