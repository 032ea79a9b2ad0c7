-- No payload says that it was fetched later than now: its clock was ahead, and the next fetch puts that right.
-- severity: warn
-- Grain: call that does. Source: calls. Reads only.
-- What is newer is not told by this time. Five minutes are left to clocks that differ.
select
    call_id,
    extracted_at
from calls
where extracted_at > (now() at time zone 'UTC') + interval 5 minute
order by call_id asc nulls last;
