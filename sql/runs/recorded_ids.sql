-- How the requested ids stand of which something was recorded since a moment, whoever recorded it.
-- Grain: call id. Source: requested, etl_outcomes. A rerun replaces the temporary table.
-- Parameter: $since (UTC), the start of the run. What was recorded since then lies at the end of the ledger:
-- DuckDB passes over all that is before.
create or replace temp table recorded_ids as
select
    etl_outcomes.*,
    requested.position
from etl_outcomes
inner join requested
    on etl_outcomes.call_id = requested.call_id
where etl_outcomes.recorded_at >= cast($since as timestamp);
