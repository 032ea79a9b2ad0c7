-- End-to-end latency of the days before the report's, each put on the day of the report that is as
-- far from its beginning.
-- Grain: day. Source: calls, latency_stats, latency_values through the macro latency_pools. Reads
-- only. All agents are one pool, as in latency.sql.
-- Parameters: $first_day, the report's first; $days, how many it has; $agent_id, the one agent, or null.
select
    period + cast($days as integer) as day,
    period as before_day,
    calls,
    samples,
    p50_ms
from latency_pools(
    day,
    cast(null as varchar),
    day < cast($first_day as date)
    and day >= cast($first_day as date) - cast($days as integer)
    and ($agent_id is null or agent_id = $agent_id)
)
where
    metric = 'e2e'
    and p50_ms is not null
order by period asc nulls last;
