-- Fills latency_stats from the staged payloads.
-- Grain: call × metric. Source: staged_latency. A rerun replaces the same rows.
delete from latency_stats
where call_id in (select call_id from replaced);

insert into latency_stats by name
select * exclude (values_ms, null_count, json_path)
from staged_latency;
