-- The latency metrics of some calls, as the API summed them up.
-- Grain: call × metric. Source: latency_stats. Reads only. Parameter: $call_ids.
select
    call_id,
    metric,
    num,
    p50_ms,
    p95_ms,
    max_ms
from latency_stats
where
    list_contains($call_ids, call_id)
    and isfinite(coalesce(p50_ms, 0))
    and isfinite(coalesce(p95_ms, 0))
    and isfinite(coalesce(max_ms, 0))
order by
    call_id asc nulls last,
    p50_ms desc nulls last,
    metric asc nulls last;
