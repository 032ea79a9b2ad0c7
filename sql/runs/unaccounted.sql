-- The ids of a run that did not become a call, each with why.
-- Grain: call id. Source: recorded_ids, etl_rejects. Reads only.
-- Parameters: $since (UTC), the start of the run; $run_id; $with_repeated, whether payloads count that were
-- rejected before and came again as they were.
select
    recorded_ids.call_id,
    recorded_ids.outcome,
    recorded_ids.reason,
    etl_rejects.json_path,
    etl_rejects.value
from recorded_ids
left join newest_rejects() as etl_rejects
    on recorded_ids.call_id = etl_rejects.call_id
    and recorded_ids.outcome = 'rejected'
where
    recorded_ids.recorded_at >= cast($since as timestamp)
    and recorded_ids.outcome in ('not_found', 'rejected', 'failed')
    and (
        recorded_ids.outcome != 'rejected'
        or cast($with_repeated as boolean)
        or recorded_ids.call_id in (select call_id from etl_rejects where run_id = $run_id)
    )
order by
    recorded_ids.outcome,
    recorded_ids.call_id;
