-- Settles the calls that will not change any more although they never became what a call becomes: they never
-- ended, or no analysis came within the refresh window.
-- Grain: call id. Source: etl_outcomes, undecided_calls, finality_of_calls. A rerun changes nothing.
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
from
    finality_of_calls(
        'undecided_calls', cast($recorded_at as timestamp), cast($refresh_window_s as double)
    ) as calls
where
    etl_outcomes.call_id = calls.call_id
    and etl_outcomes.outcome = 'not_final'
    and calls.is_final;
