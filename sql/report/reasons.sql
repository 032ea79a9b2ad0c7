-- Why calls ended over the whole period, the commonest reason first.
-- Grain: disconnection_reason. Source: daily_disconnections. Reads only.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    disconnection_reason,
    category,
    cast(sum(calls) as bigint) as calls,
    sum(calls) / sum(sum(calls)) over () as share
from daily_disconnections
where
    ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    disconnection_reason,
    category
order by
    calls desc nulls last,
    disconnection_reason asc nulls last;
