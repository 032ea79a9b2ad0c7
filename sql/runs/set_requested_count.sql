-- Records how many ids a run has been asked to fetch so far.
-- Grain: run. Source: the parameters. A rerun sets the same.
-- Parameters: $run_id, $requested_count.
update etl_runs
set requested_count = $requested_count
where run_id = $run_id;
