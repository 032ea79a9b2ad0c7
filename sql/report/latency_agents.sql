-- End-to-end latency of the whole period, agent by agent, pooled over turns.
-- Grain: agent_id. Source: calls, latency_stats, latency_values through the macro pooled_latency.
-- Reads only.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    agent_id,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from pooled_latency(
    'period',
    (
        $since is null
        or day >= cast($since as date)
    )
    and ($agent_id is null or agent_id = $agent_id)
)
where
    metric = 'e2e'
    and p50_ms is not null
order by
    p50_ms desc nulls last,
    agent_id asc nulls last;
