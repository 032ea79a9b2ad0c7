-- Why calls ended, by day and category of the reason.
-- Grain: day × category. Source: daily_disconnection_categories. Reads only.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    day,
    category,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over (partition by day) as share
from daily_disconnection_categories
where
    day is not null
    and ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    category
order by
    day asc nulls last,
    category asc nulls last;
