-- The runs that are going on beside one: what they have listed or were given is theirs to fetch.
-- Grain: run. Source: etl_runs. Parameters: as_of (UTC), own_run_id.
-- A run of another machine that died never said so: after a day it is taken to have ended.
-- A rerun replaces the macro; it holds no data.
create or replace macro other_runs(as_of, own_run_id) as table
select run_id
from etl_runs
where
    status = 'running'
    and run_id != own_run_id
    and started_at > as_of - interval 1 day;
