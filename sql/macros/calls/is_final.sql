-- Whether nothing new is to be expected of a call, so that nothing is gained by fetching it again.
-- Grain: scalar. Source: none. A rerun replaces the macro.
--
-- over        it ended and its analysis is there, or it ended longer ago than the refresh window. A call
--             that ended without ever starting has no end time; then its start, or when it was first
--             seen, stands for it.
-- transferred its transferred leg has ended too, or the refresh window has passed: what the leg cost and
--             when it ended come with its end.
-- abandoned   it never ended: registered or ongoing for more than seven refresh windows, by its start or,
--             without one, since it was first seen.
create or replace macro is_final(
    call_status,
    has_analysis,
    started_at,
    ended_at,
    first_seen_at,
    disconnection_reason,
    transfer_ended_at,
    as_of,
    window_s
) as (
    coalesce(
        call_status in ('ended', 'error', 'not_connected')
        and (
            (
                has_analysis
                and not (
                    coalesce(disconnection_reason in ('call_transfer', 'transfer_bridged'), false)
                    and transfer_ended_at is null
                )
            )
            or coalesce(ended_at, started_at, first_seen_at) < as_of - to_seconds(window_s)
        ),
        false
    )
    or coalesce(ended_at < as_of - to_seconds(window_s), false)
    or coalesce(coalesce(started_at, first_seen_at) < as_of - to_seconds(7 * window_s), false)
);
