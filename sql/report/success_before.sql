-- How many connected calls reached their goal on the days before the report's, each put on the day of
-- the report that is as far from its beginning, by who says so.
-- Grain: day × verdict, for days with a call that has it. Source: daily_ratings. Reads only.
-- What is good is said in success.sql.
-- Parameters: $first_day, the report's first; $days, how many it has; $agent_id, the one agent, or null.
select
    ratings.day + cast($days as integer) as day,
    ratings.day as before_day,
    rating as verdict,
    cast(sum(calls) filter (where value in ('true', 'Complete')) as bigint) as good_calls,
    cast(sum(calls) as bigint) as judged_calls,
    coalesce(good_calls, 0) / judged_calls as rate
from daily_ratings as ratings
where
    rating in ('call_successful', 'agent_task_completion_rating')
    and ratings.day < cast($first_day as date)
    and ratings.day >= cast($first_day as date) - cast($days as integer)
    and ($agent_id is null or agent_id = $agent_id)
group by
    ratings.day,
    rating
order by
    ratings.day asc nulls last,
    rating asc nulls last;
