-- Records how many calls a second the account lets a run fetch.
-- Grain: run. Source: the parameters. A rerun sets the same.
-- Parameters: $run_id, $allowed_calls_per_second.
update etl_runs
set allowed_calls_per_second = $allowed_calls_per_second
where run_id = $run_id;
