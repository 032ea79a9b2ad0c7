-- The ids whose latest outcome is not a call, each with why.
-- Grain: call id. Source: etl_outcomes, etl_rejects. Reads only.
select
    etl_outcomes.call_id,
    etl_outcomes.outcome,
    etl_outcomes.reason,
    etl_rejects.json_path,
    etl_rejects.value,
    etl_rejects.path as quarantine_path,
    etl_outcomes.recorded_at
from etl_outcomes
left join etl_rejects
    on etl_outcomes.call_id = etl_rejects.call_id
    and etl_outcomes.run_id = etl_rejects.run_id
    and etl_outcomes.outcome = 'rejected'
where etl_outcomes.outcome in ('not_found', 'rejected', 'failed')
order by
    etl_outcomes.outcome asc nulls last,
    etl_outcomes.call_id asc nulls last;
