-- The calls that may still change, those that were fetched longest ago first.
-- Grain: call id. Source: calls, call_analysis. Reads only.
-- Parameters: $as_of (UTC), $refresh_window_s.
select calls.call_id
from calls
left join call_analysis
    on calls.call_id = call_analysis.call_id
where
    not is_final(
        calls.call_status,
        call_analysis.call_id is not null,
        calls.started_at,
        calls.ended_at,
        calls.first_seen_at,
        cast($as_of as timestamp),
        cast($refresh_window_s as double)
    )
order by
    calls.extracted_at,
    calls.call_id;
