-- How the ids of a run stand, whoever recorded it: another run may have settled some of them meanwhile.
-- Grain: outcome. Source: requested, etl_outcomes. Reads only.
-- Parameters: $since (UTC), the start of the run: what was recorded before says nothing of this run, unless
-- $with_earlier. Then an id that was settled before is unchanged.
select
    case
        when etl_outcomes.recorded_at >= cast($since as timestamp) then etl_outcomes.outcome
        when etl_outcomes.outcome in ('loaded', 'not_found', 'deleted', 'rejected') then 'unchanged'
        else etl_outcomes.outcome
    end as outcome,
    count(*) as ids
from requested
inner join etl_outcomes
    on requested.call_id = etl_outcomes.call_id
where
    etl_outcomes.recorded_at >= cast($since as timestamp)
    or cast($with_earlier as boolean)
group by all
order by outcome;
