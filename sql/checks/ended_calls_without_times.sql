-- A call that has ended has a start and an end.
-- severity: warn
-- Grain: call without one. Source: calls. Reads only.
-- Without a start it is dated by its end; without either its date is unknown, unless a sync saw it
-- early.
select
    call_id,
    call_status,
    started_at,
    ended_at
from calls
where
    call_status = 'ended'
    and (started_at is null or ended_at is null)
order by call_id asc nulls last;
