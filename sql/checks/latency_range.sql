-- Latencies and their counts are finite and not negative.
-- severity: fail
-- Grain: call × metric with one that is. Source: latency_stats, latency_values. Reads only.
with extremes as (
    select
        call_id,
        metric,
        least(min_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms) as least_ms,
        greatest(min_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms) as greatest_ms,
        num
    from latency_stats
    union all
    select
        call_id,
        metric,
        value_ms as least_ms,
        value_ms as greatest_ms,
        null as num
    from latency_values
)

select
    call_id,
    metric,
    min(least_ms) as least_ms,
    max(greatest_ms) as greatest_ms,
    min(num) as num
from extremes
where
    least_ms < 0
    or num < 0
    or not isfinite(least_ms)
    or not isfinite(greatest_ms)
group by call_id, metric
order by call_id asc nulls last, metric asc nulls last;
