-- When warehouse and account were last proved to agree, and for which calls.
-- Grain: one row, none before the first time. Source: etl_reconciliations. Reads only.
select
    since_at,
    until_at,
    proved_at,
    listed_count,
    missing_count,
    changed_count,
    deleted_count
from etl_reconciliations
order by proved_at desc nulls last
limit 1;
