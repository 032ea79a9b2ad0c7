-- The ids of a run that did not become a call, each with why.
-- Grain: call id. Source: requested, etl_outcomes, etl_rejects. Reads only.
-- Parameter: $since (UTC), the start of the run.
select
    etl_outcomes.call_id,
    etl_outcomes.outcome,
    etl_outcomes.reason,
    etl_rejects.json_path,
    etl_rejects.value
from requested
inner join etl_outcomes
    on requested.call_id = etl_outcomes.call_id
left join etl_rejects
    on etl_outcomes.call_id = etl_rejects.call_id
    and etl_outcomes.run_id = etl_rejects.run_id
    and etl_outcomes.outcome = 'rejected'
where
    etl_outcomes.recorded_at >= cast($since as timestamp)
    and etl_outcomes.outcome in ('not_found', 'rejected', 'failed')
order by
    etl_outcomes.outcome,
    etl_outcomes.call_id;
