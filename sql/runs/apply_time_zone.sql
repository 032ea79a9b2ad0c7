-- Tells days and hours of all calls in the time zone that is noted, and forgets the results of days, which are
-- others now.
-- Grain: call, day. Source: calls, etl_settings. A rerun changes nothing.
update calls
set
    local_at = local_time(calls.dated_at, zone.name),
    day = cast(local_time(calls.dated_at, zone.name) as date)
from (select time_zone() as name) as zone
where calls.dated_at is not null;

delete from stored_days;
