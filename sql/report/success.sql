-- How many connected calls reached their goal, by day and by who says so.
-- Grain: day × verdict, for days with a call that has it. Source: daily_ratings. Reads only.
-- call_successful is today's verdict; agent_task_completion_rating is v1's, good when Complete.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $until, the day after the last, or null; $agent_id,
-- the one agent, or null.
select
    day,
    rating as verdict,
    cast(sum(calls) filter (where value in ('true', 'Complete')) as bigint) as good_calls,
    cast(sum(calls) as bigint) as judged_calls,
    coalesce(good_calls, 0) / judged_calls as rate
from daily_ratings
where
    rating in ('call_successful', 'agent_task_completion_rating')
    and day is not null
    and ($since is null or day >= cast($since as date))
    and ($until is null or day < cast($until as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    rating
order by
    day asc nulls last,
    rating asc nulls last;
