-- The end-to-end latency samples of some calls, in the order in which the API sends them.
-- Grain: call × sample, for calls that bring them. Source: latency_values. Reads only.
-- Parameter: $call_ids.
select
    call_id,
    value_index,
    value_ms
from latency_values
where
    list_contains($call_ids, call_id)
    and metric = 'e2e'
    and isfinite(value_ms)
order by
    call_id asc nulls last,
    value_index asc nulls last;
