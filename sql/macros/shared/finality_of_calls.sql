-- Whether each call is final at a moment, as is_final says.
-- Grain: call. Source: the relation, call_analysis. Parameters: relation, the name of calls or of what has
-- columns of it; as_of (UTC), window_s.
-- A rerun replaces the macro; it holds no data.
-- Most calls ended longer ago than the window, and are final with an analysis or without: only those of the
-- others are looked for.
create or replace macro finality_of_calls(relation, as_of, window_s) as table
with timed as (
    select
        *,
        is_final(
            call_status,
            false,
            started_at,
            ended_at,
            first_seen_at,
            disconnection_reason,
            transfer_ended_at,
            as_of,
            window_s
        ) as is_final_by_time
    from query_table(relation)
),

analysed as (
    select call_analysis.call_id
    from call_analysis
    semi join (from timed where not is_final_by_time) as undecided
        on call_analysis.call_id = undecided.call_id
)

select
    timed.call_id,
    timed.call_status,
    timed.started_at,
    timed.extracted_at,
    timed.detail = 'whole' as is_whole,
    timed.is_final_by_time
    or is_final(
        timed.call_status,
        -- Not joined: then nothing of them would be passed over where there are no others.
        timed.call_id in (select call_id from analysed),
        timed.started_at,
        timed.ended_at,
        timed.first_seen_at,
        timed.disconnection_reason,
        timed.transfer_ended_at,
        as_of,
        window_s
    ) as is_final
from timed;
