-- What payloads hold that the API is not known to send, what is in most calls first.
-- Grain: kind × JSON path × value. Source: etl_drift, calls. Reads only.
-- Parameter: $since (UTC), the earliest load that is looked at, or null for all.
select
    etl_drift.kind,
    etl_drift.json_path,
    etl_drift.value,
    count(*) as calls,
    sum(etl_drift.occurrence_count) as occurrences,
    arg_min(
        etl_drift.call_id, (calls.first_seen_at, calls.started_at, etl_drift.call_id)
    ) as first_call_id,
    min(calls.first_seen_at) as first_seen_at
from etl_drift
inner join calls
    on etl_drift.call_id = calls.call_id
where
    $since is null
    or etl_drift.recorded_at >= cast($since as timestamp)
group by
    etl_drift.kind,
    etl_drift.json_path,
    etl_drift.value
order by
    calls desc nulls last,
    etl_drift.kind asc nulls last,
    etl_drift.json_path asc nulls last,
    etl_drift.value asc nulls last;
