-- How each id of a run stands, for the log.
-- Grain: call id. Source: requested, etl_outcomes, etl_rejects. Reads only.
-- Parameter: $since (UTC), the start of the run.
select
    etl_outcomes.call_id,
    etl_outcomes.outcome,
    etl_outcomes.attempts,
    etl_outcomes.http_status,
    etl_outcomes.reason,
    etl_rejects.json_path
from requested
inner join etl_outcomes
    on requested.call_id = etl_outcomes.call_id
left join etl_rejects
    on etl_outcomes.call_id = etl_rejects.call_id
    and etl_outcomes.run_id = etl_rejects.run_id
    and etl_outcomes.outcome = 'rejected'
where etl_outcomes.recorded_at >= cast($since as timestamp)
order by requested.position;
