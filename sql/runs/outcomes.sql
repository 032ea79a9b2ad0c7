-- How the ids of a run ended.
-- Grain: outcome. Source: etl_outcomes. Reads only. Parameter: $run_id.
select
    outcome,
    count(*) as ids
from etl_outcomes
where run_id = $run_id
group by outcome
order by outcome;
