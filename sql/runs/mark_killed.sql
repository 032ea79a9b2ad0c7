-- Records that the process of a run is gone; when it ended is not known.
-- Grain: run. Source: the parameter. A rerun sets the same. Parameter: $run_ids.
update etl_runs
set
    status = 'interrupted',
    detail = 'the process ended without finishing; what it had landed was kept'
where
    status = 'running'
    and list_contains($run_ids, run_id);
