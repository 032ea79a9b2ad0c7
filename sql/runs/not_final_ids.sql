-- Adds the calls that may still change to the ids that are not settled.
-- Grain: call id. Source: calls, finality_of_calls, etl_outcomes. Run after open_ids, once.
-- Parameters: $as_of (UTC), $refresh_window_s.
insert into open_ids by name
with not_final as (
    select
        call_id,
        started_at
    from finality_of_calls(
        'calls', cast($as_of as timestamp), cast($refresh_window_s as double)
    )
    where
        is_whole
        and not is_final
),

known as (
    select
        etl_outcomes.call_id,
        etl_outcomes.outcome
    from etl_outcomes
    semi join not_final
        on etl_outcomes.call_id = not_final.call_id
)

select
    not_final.call_id,
    known.outcome,
    not_final.started_at
from not_final
left join known
    on not_final.call_id = known.call_id
where coalesce(known.outcome not in (
    'waiting', 'listed', 'changed', 'failed', 'not_found', 'deleted', 'rejected'
), true);
