-- Why calls ended, by day and category of the reason.
-- Grain: day × category. Source: daily_disconnection_categories. Reads only.
-- Parameters: $since, the first day (UTC), or null; $agent_id, the one agent, or null.
select
    day,
    category,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over (partition by day) as share
from daily_disconnection_categories
where
    ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    category
order by
    day,
    category;
