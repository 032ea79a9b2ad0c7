-- How users felt in connected calls, by day.
-- Grain: day × sentiment that occurs. Source: daily_ratings. Reads only.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    day,
    value as sentiment,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over (partition by day) as share
from daily_ratings
where
    rating = 'user_sentiment'
    and day is not null
    and ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    value
order by
    day asc nulls last,
    value asc nulls last;
