-- The ids that are not settled and that no other run is about to fetch: the newest calls first, and after all
-- others those that failed, since a run stops where too many fail one after another.
-- Grain: call id. Source: etl_outcomes, calls, call_analysis, etl_runs, the spool file of ids. Reads only.
-- Parameters: $spool, path of a CSV of position and call_id, without a header: the ids that this run has had;
-- $run_id; $as_of (UTC); $with_not_final, whether calls that may still change are asked for too;
-- $refresh_window_s.
with had as (
    select call_id
    from
        read_csv(
            $spool,
            auto_detect = false,
            header = false,
            delim = ',',
            quote = '',
            escape = '',
            hive_partitioning = false,
            columns = {position: 'bigint', call_id: 'varchar'}
        )
),

ledger as (
    select
        coalesce(known.call_id, calls.call_id) as call_id,
        known.run_id,
        known.outcome,
        calls.started_at,
        is_final(
            calls.call_status,
            call_analysis.call_id is not null,
            calls.started_at,
            calls.ended_at,
            calls.first_seen_at,
            calls.disconnection_reason,
            calls.transfer_ended_at,
            cast($as_of as timestamp),
            cast($refresh_window_s as double)
        ) as is_final,
        coalesce(calls.detail = 'whole', false) as is_whole
    from etl_outcomes as known
    full join calls
        on known.call_id = calls.call_id
    left join call_analysis
        on calls.call_id = call_analysis.call_id
)

select ledger.call_id
from ledger
anti join had
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
