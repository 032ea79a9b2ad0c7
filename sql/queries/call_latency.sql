-- The latency metrics of one call.
-- Grain: metric. Source: latency_stats. Reads only. Parameter: $call_id.
select
    metric,
    num,
    min_ms,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    max_ms
from latency_stats
where call_id = $call_id
order by metric asc nulls last;
