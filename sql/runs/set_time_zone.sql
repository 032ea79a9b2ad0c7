-- Tells days and hours of all calls in another time zone, and forgets the results of days, which are others now.
-- Grain: call, day. Source: calls. A rerun changes nothing.
-- Parameters: $time_zone, an IANA name; $changed_at (UTC).
delete from etl_settings
where setting = 'time_zone';

insert into etl_settings by name
select
    'time_zone' as setting,
    cast($time_zone as varchar) as value,
    cast($changed_at as timestamp) as changed_at;

update calls
set
    local_at = local_time(dated_at, $time_zone),
    day = cast(local_time(dated_at, $time_zone) as date)
where dated_at is not null;

delete from stored_days;
