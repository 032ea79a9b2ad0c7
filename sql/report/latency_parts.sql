-- Latency of the whole period, metric by metric, pooled over the turns of all calls that are asked
-- for.
-- Grain: metric. Source: calls, latency_stats, latency_values through the macro latency_pools.
-- Reads only. All agents are one pool, as in latency.sql.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    metric,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from latency_pools(
    'period',
    cast(null as varchar),
    (
        $since is null
        or day >= cast($since as date)
    )
    and ($agent_id is null or agent_id = $agent_id)
)
where p50_ms is not null
order by
    p50_ms desc nulls last,
    metric asc nulls last;
