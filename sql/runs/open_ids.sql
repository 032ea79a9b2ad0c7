-- The ids that are not settled and that no other run is about to fetch.
-- Grain: call id. Source: etl_outcomes, calls, other_runs. A rerun replaces the temporary table.
-- Parameters: $run_id; $as_of (UTC).
create or replace temp table open_ids as
with unsettled as (
    select
        call_id,
        outcome
    from etl_outcomes
    where
        outcome in ('waiting', 'listed', 'changed', 'failed')
        and (
            outcome = 'failed'
            or run_id not in (select run_id from other_runs(cast($as_of as timestamp), $run_id))
        )
),

started as (
    select
        calls.call_id,
        calls.started_at
    from calls
    semi join unsettled
        on calls.call_id = unsettled.call_id
)

select
    unsettled.call_id,
    unsettled.outcome,
    started.started_at
from unsettled
left join started
    on unsettled.call_id = started.call_id;
