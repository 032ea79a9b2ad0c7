-- How many calls of the warehouse a run found to be deleted at the source.
-- Grain: one row. Source: etl_outcomes. Reads only. Parameter: $run_id.
select count(*)
from etl_outcomes
where
    run_id = $run_id
    and outcome = 'deleted';
