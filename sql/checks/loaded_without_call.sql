-- A call id whose outcome is loaded or unchanged has its call.
-- severity: fail
-- Grain: call id without one. Source: etl_outcomes, calls. Reads only.
select
    etl_outcomes.call_id,
    etl_outcomes.outcome,
    etl_outcomes.run_id,
    etl_outcomes.recorded_at
from etl_outcomes
anti join calls
    on etl_outcomes.call_id = calls.call_id
where etl_outcomes.outcome in ('loaded', 'unchanged')
order by etl_outcomes.call_id asc nulls last;
