-- Latency percentiles rise: min <= p50 <= p90 <= p95 <= p99 <= max, where they are known.
-- severity: fail
-- Grain: call × metric where they fall. Source: latency_stats. Reads only.
-- greatest skips nulls, so that each point is held against the known ones before it. A microsecond
-- is allowed for, because interpolated percentiles come with rounding.
select
    call_id,
    metric,
    min_ms,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    max_ms
from latency_stats
where
    p50_ms < min_ms - 0.001
    or p90_ms < greatest(min_ms, p50_ms) - 0.001
    or p95_ms < greatest(min_ms, p50_ms, p90_ms) - 0.001
    or p99_ms < greatest(min_ms, p50_ms, p90_ms, p95_ms) - 0.001
    or max_ms < greatest(min_ms, p50_ms, p90_ms, p95_ms, p99_ms) - 0.001
order by call_id asc nulls last, metric asc nulls last;
