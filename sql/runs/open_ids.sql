-- The ids that are not settled and that no other run is about to fetch: the newest calls first, and after all
-- others those that failed, since a run stops where too many fail one after another.
-- Grain: call id. Source: etl_outcomes, finality_of_calls, other_runs, the spool file of ids. Reads only.
-- Parameters: $spool, path of a CSV of position and call_id, without a header: the ids that this run has had;
-- $run_id; $as_of (UTC); $with_not_final, whether calls that may still change are asked for too;
-- $refresh_window_s.
with ledger as (
    select
        coalesce(known.call_id, calls.call_id) as call_id,
        known.run_id,
        known.outcome,
        calls.started_at,
        calls.is_final,
        coalesce(calls.is_whole, false) as is_whole
    from etl_outcomes as known
    full join finality_of_calls(
        cast($as_of as timestamp), cast($refresh_window_s as double)
    ) as calls
        on known.call_id = calls.call_id
)

select ledger.call_id
from ledger
anti join spooled_ids($spool) as had
    on ledger.call_id = had.call_id
where
    case
        when outcome in ('waiting', 'listed', 'changed') then
            run_id not in (select run_id from other_runs(cast($as_of as timestamp), $run_id))
        when outcome = 'failed' then true
        when outcome in ('not_found', 'deleted', 'rejected') then false
        else cast($with_not_final as boolean) and is_whole and not is_final
    end
order by
    coalesce(outcome = 'failed', false),
    started_at desc nulls last,
    ledger.call_id;
