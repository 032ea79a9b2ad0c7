-- How the ids of a run stand, whoever recorded it: another run may have settled some of them meanwhile.
-- Grain: outcome. Source: requested, etl_outcomes. Reads only.
-- Parameter: $since (UTC), the start of the run; what was recorded before says nothing of this run.
select
    etl_outcomes.outcome,
    count(*) as ids
from requested
inner join etl_outcomes
    on requested.call_id = etl_outcomes.call_id
where etl_outcomes.recorded_at >= cast($since as timestamp)
group by etl_outcomes.outcome
order by etl_outcomes.outcome;
