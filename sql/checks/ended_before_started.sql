-- A call does not end before it starts.
-- severity: fail
-- Grain: call that does. Source: calls. Reads only.
select
    call_id,
    started_at,
    ended_at,
    transfer_ended_at
from calls
where
    ended_at < started_at
    or transfer_ended_at < started_at
order by call_id asc nulls last;
