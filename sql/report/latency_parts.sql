-- Latency of the whole period, metric by metric, pooled over the turns of all calls that are asked
-- for.
-- Grain: metric. Source: calls, latency_stats, latency_values through the macro pooled_latency.
-- Reads only. As in latency.sql, calls stands for the calls of the period with no agent named.
-- Parameters: $since, the first day (UTC), or null; $agent_id, the one agent, or null.
with calls as (
    select * replace (cast(null as varchar) as agent_id)
    from calls
    where
        (
            $since is null
            or cast(coalesce(started_at, first_seen_at) as date) >= cast($since as date)
        )
        and ($agent_id is null or agent_id = $agent_id)
)

select
    metric,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from pooled_latency('period')
where p50_ms is not null
order by
    p50_ms desc,
    metric;
