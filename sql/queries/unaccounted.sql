-- The ids whose latest outcome is not a call, each with why.
-- Grain: call id. Source: etl_outcomes, etl_rejects. Reads only.
-- One outcome at a time: DuckDB then reads the other columns of these ids only, and not those of all.
with unaccounted as (
    select * from etl_outcomes where outcome = 'not_found'
    union all
    select * from etl_outcomes where outcome = 'rejected'
    union all
    select * from etl_outcomes where outcome = 'failed'
)

select
    unaccounted.call_id,
    unaccounted.outcome,
    unaccounted.reason,
    etl_rejects.json_path,
    etl_rejects.value,
    etl_rejects.path as quarantine_path,
    coalesce(etl_rejects.seen_count, 1) as seen_count,
    unaccounted.recorded_at
from unaccounted
left join newest_rejects() as etl_rejects
    on unaccounted.call_id = etl_rejects.call_id
    and unaccounted.outcome = 'rejected'
order by
    unaccounted.outcome asc nulls last,
    unaccounted.call_id asc nulls last;
