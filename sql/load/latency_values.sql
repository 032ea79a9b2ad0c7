-- Fills latency_values from the staged payloads.
-- Grain: call × metric × sample. Source: staged_latency. A rerun replaces the same rows.
delete from latency_values
where call_id in (select call_id from replaced);

insert into latency_values by name
select
    call_id,
    metric,
    generate_subscripts(values_ms, 1) - 1 as value_index,
    unnest(values_ms) as value_ms
from staged_latency;
