-- Settles the calls that will not change any more although they never became what a call becomes: they never
-- ended, or no analysis came within the refresh window.
-- Grain: call id. Source: etl_outcomes, calls, call_analysis. A rerun changes nothing.
-- Parameters: $run_id, $recorded_at (UTC), $refresh_window_s. Returns how many there are.
update etl_outcomes
set
    outcome = 'unchanged',
    reason = if(
        calls.call_status in ('registered', 'ongoing'),
        'never ended: ' || calls.call_status || ' when it was last fetched',
        'ended, and nothing more came within the refresh window'
    ),
    run_id = $run_id,
    recorded_at = cast($recorded_at as timestamp)
from calls
left join call_analysis
    on calls.call_id = call_analysis.call_id
where
    etl_outcomes.call_id = calls.call_id
    and etl_outcomes.outcome = 'not_final'
    and is_final(
        calls.call_status,
        call_analysis.call_id is not null,
        calls.started_at,
        calls.ended_at,
        calls.first_seen_at,
        calls.disconnection_reason,
        calls.transfer_ended_at,
        cast($recorded_at as timestamp),
        cast($refresh_window_s as double)
    );
