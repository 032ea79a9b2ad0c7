-- Every call has an outcome.
-- severity: warn
-- Grain: call without one. Source: calls, etl_outcomes. Reads only.
-- Its rows are whole, but no run will refresh it.
select
    calls.call_id,
    calls.load_id,
    calls.extracted_at
from calls
anti join etl_outcomes
    on calls.call_id = etl_outcomes.call_id
order by calls.call_id asc nulls last;
