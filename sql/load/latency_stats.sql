-- Fills latency_stats from the staged payloads.
-- Grain: call × metric. Source: staged_latency. A rerun replaces the same rows.
delete from latency_stats
where call_id in (select call_id from replaced);

insert into latency_stats by name
select
    call_id,
    metric,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    max_ms,
    min_ms,
    num
from staged_latency;
