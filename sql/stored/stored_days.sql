-- Notes that the results of these days hold.
-- Grain: day. Source: refreshed_days. A rerun adds nothing.
insert into stored_days by name
select day
from refreshed_days
where day not in (select day from stored_days);
