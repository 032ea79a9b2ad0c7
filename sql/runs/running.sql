-- Runs of this machine that never said how they ended.
-- Grain: run. Source: etl_runs. Reads only. Parameter: $host.
select
    run_id,
    pid,
    started_at
from etl_runs
where
    status = 'running'
    and host = $host;
