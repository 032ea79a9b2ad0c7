-- A call's duration is not negative.
-- severity: fail
-- Grain: call where it is. Source: calls. Reads only.
select
    call_id,
    duration_ms,
    started_at,
    ended_at
from calls
where duration_ms < 0
order by call_id asc nulls last;
