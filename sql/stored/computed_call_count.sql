-- How many calls belong to days whose answers are not stored: views compute these.
-- Grain: one row. Source: calls, stored_days.
select count(*)
from calls
where
    day is not null
    and day not in (select day from stored_days);
