-- A UTC time on the clocks of a time zone; null for null.
-- Grain: scalar. Source: none. Parameters: utc_time, a timestamp; zone, an IANA name.
-- A rerun replaces the macro.
create or replace macro local_time(utc_time, zone) as
case
    when zone = 'UTC' then utc_time
    else timezone(zone, timezone('UTC', utc_time))
end;
