-- A call's duration agrees with its start and end, within two seconds.
-- severity: warn
-- Grain: call where it does not. Source: calls. Reads only.
-- A duration in seconds where milliseconds are meant shows here first.
select
    call_id,
    duration_ms,
    date_diff('millisecond', started_at, ended_at) as measured_ms
from calls
where
    duration_ms >= 0
    and ended_at >= started_at
    and abs(duration_ms - date_diff('millisecond', started_at, ended_at)) > 2000
order by call_id asc nulls last;
