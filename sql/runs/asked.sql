-- Notes how many ids a run has asked for so far.
-- Grain: run. Source: the parameters. A rerun sets the same.
-- Parameters: $run_id, $requested_count.
update etl_runs
set requested_count = $requested_count
where run_id = $run_id;
