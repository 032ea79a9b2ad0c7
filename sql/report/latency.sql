-- End-to-end latency of each day, pooled over the turns of all calls that are asked for.
-- Grain: day. Source: calls, latency_stats, latency_values through the macro latency_pools. Reads
-- only. All agents are one pool: percentiles of agents cannot be added up. Of a single agent the
-- rows are those of daily_latency.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $until, the day after the last, or null; $agent_id,
-- the one agent, or null.
select
    period as day,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from latency_pools(
    day,
    cast(null as varchar),
    (
        $since is null
        or day >= cast($since as date)
    )
    and ($agent_id is null or agent_id = $agent_id)
    and ($until is null or day < cast($until as date))
    and day is not null
)
where
    metric = 'e2e'
    and p50_ms is not null
order by period asc nulls last;
