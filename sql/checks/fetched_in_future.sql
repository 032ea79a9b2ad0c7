-- No payload says that it was fetched later than now: its clock was ahead, and the next fetch puts that right.
-- severity: warn
-- Grain: call that does. Source: calls. Reads only.
-- What is newer is not told by this time. Five minutes are left to clocks that differ. Compared as numbers:
-- a session may have another calendar.
select
    call_id,
    extracted_at
from calls
where epoch_us(extracted_at) > epoch_us(now()) + 300000000
order by call_id asc nulls last;
