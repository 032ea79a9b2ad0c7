-- End-to-end latency of each day, pooled over the turns of all calls that are asked for.
-- Grain: day. Source: calls, latency_stats, latency_values through the macro pooled_latency. Reads
-- only. The macro pools by agent. Here calls stands for the calls of the period with no agent
-- named, so that the turns of all agents are one pool: percentiles of agents cannot be added up. Of
-- a single agent the rows are those of daily_latency.
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
    period as day,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from pooled_latency(cast(coalesce(started_at, first_seen_at) as date))
where
    metric = 'e2e'
    and p50_ms is not null
order by period;
