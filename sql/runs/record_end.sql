-- Records how a run ended.
-- Grain: run. Source: the parameters. A rerun sets the same.
-- Parameters: $run_id and one per column that is set.
update etl_runs
set
    status = $status,
    finished_at = cast($finished_at as timestamp),
    requested_count = $requested_count,
    fetched_count = $fetched_count,
    request_count = $request_count,
    retry_count = $retry_count,
    allowed_calls_per_second = $allowed_calls_per_second,
    detail = $detail
where run_id = $run_id;
