-- No call starts or ends later than the fetch that brought it.
-- severity: warn
-- Grain: call that does. Source: calls. Reads only.
-- Held against the fetch, not against now, so that the answer does not change with time; five
-- minutes are left to clocks that differ.
select
    call_id,
    started_at,
    ended_at,
    transfer_ended_at,
    extracted_at
from calls
where greatest(started_at, ended_at, transfer_ended_at) > extracted_at + interval 5 minute
order by call_id asc nulls last;
