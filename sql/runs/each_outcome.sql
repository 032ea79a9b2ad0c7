-- How each id of a run stands, for the log.
-- Grain: call id. Source: recorded_ids, etl_rejects. Reads only.
-- Parameter: $since (UTC), the start of the run.
select
    recorded_ids.call_id,
    recorded_ids.outcome,
    recorded_ids.attempts,
    recorded_ids.http_status,
    recorded_ids.reason,
    etl_rejects.json_path
from recorded_ids
left join newest_rejects() as etl_rejects
    on recorded_ids.call_id = etl_rejects.call_id
    and recorded_ids.outcome = 'rejected'
where recorded_ids.recorded_at >= cast($since as timestamp)
order by recorded_ids.position;
