-- The run that a copy made now is taken after.
-- Grain: at most one row. Source: etl_runs. Reads only.
select run_id
from etl_runs
order by started_at desc
limit 1;
