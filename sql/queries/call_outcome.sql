-- The latest outcome of one call id, with what is wrong with its payload if it is in quarantine.
-- Grain: at most one row. Source: etl_outcomes, etl_rejects. Reads only. Parameter: $call_id.
select
    etl_outcomes.* exclude (id_key),
    etl_rejects.json_path,
    etl_rejects.value,
    etl_rejects.path as quarantine_path
from etl_outcomes
left join newest_rejects() as etl_rejects
    on etl_outcomes.call_id = etl_rejects.call_id
    and (etl_outcomes.outcome = 'rejected' or etl_rejects.resolved_at is null)
where etl_outcomes.call_id = $call_id;
