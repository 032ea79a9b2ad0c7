-- Whether a call's payload can no longer change, so that nothing is gained by fetching it again.
-- Grain: scalar. Source: none. A rerun replaces the macro.
--
-- final    it ended and its analysis is there, or it ended longer ago than the refresh window.
--          A call that ended without ever starting has no end time; then its start, or when it
--          was first seen, stands for it.
create or replace macro is_final(
    call_status, has_analysis, started_at, ended_at, first_seen_at, as_of, window_s
) as (
    coalesce(
        call_status in ('ended', 'error', 'not_connected')
        and (
            has_analysis
            or coalesce(ended_at, started_at, first_seen_at) < as_of - to_seconds(window_s)
        ),
        false
    )
    or coalesce(ended_at < as_of - to_seconds(window_s), false)
);
