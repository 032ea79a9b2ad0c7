-- The ids of a run that did not become a call, each with why.
-- Grain: call id. Source: recorded_ids, etl_rejects. Reads only.
-- Parameter: $since (UTC), the start of the run.
select
    recorded_ids.call_id,
    recorded_ids.outcome,
    recorded_ids.reason,
    etl_rejects.json_path,
    etl_rejects.value
from recorded_ids
left join etl_rejects
    on recorded_ids.call_id = etl_rejects.call_id
    and recorded_ids.run_id = etl_rejects.run_id
    and recorded_ids.outcome = 'rejected'
where
    recorded_ids.recorded_at >= cast($since as timestamp)
    and recorded_ids.outcome in ('not_found', 'rejected', 'failed')
order by
    recorded_ids.outcome,
    recorded_ids.call_id;
