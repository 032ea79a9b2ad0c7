-- Whether each call is final at a moment, as is_final says.
-- Grain: call. Source: calls, call_analysis. Parameters: as_of (UTC), window_s.
-- A rerun replaces the macro; it holds no data.
create or replace macro finality_of_calls(as_of, window_s) as table
select
    calls.call_id,
    calls.call_status,
    calls.started_at,
    calls.extracted_at,
    calls.detail = 'whole' as is_whole,
    is_final(
        calls.call_status,
        call_analysis.call_id is not null,
        calls.started_at,
        calls.ended_at,
        calls.first_seen_at,
        calls.disconnection_reason,
        calls.transfer_ended_at,
        as_of,
        window_s
    ) as is_final
from calls
left join call_analysis
    on calls.call_id = call_analysis.call_id;
