-- The answers of this load that were fetched later than now, by a clock that was ahead.
-- Grain: one row. Source: landed, this_load. Reads only. Five minutes are left to clocks that differ.
select
    count(*) as answers,
    max(landed.fetched_at) as latest_at
from landed
cross join this_load
where landed.fetched_at > this_load.recorded_at + interval 5 minute;
