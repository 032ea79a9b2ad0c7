-- The latency summaries of calls, with null for what has no place on a line of milliseconds.
-- Grain: call_id × metric. Source: latency_stats. A rerun replaces the macro; it holds no data.
-- JSON can spell a number that is infinite as a double; a negative number of samples is none.
create or replace macro finite_latency_stats() as table
select
    call_id,
    metric,
    case when isfinite(min_ms) then min_ms end as min_ms,
    case when isfinite(p50_ms) then p50_ms end as p50_ms,
    case when isfinite(p90_ms) then p90_ms end as p90_ms,
    case when isfinite(p95_ms) then p95_ms end as p95_ms,
    case when isfinite(p99_ms) then p99_ms end as p99_ms,
    case when isfinite(max_ms) then max_ms end as max_ms,
    case when num < 0 then 0 else num end as num
from latency_stats;
