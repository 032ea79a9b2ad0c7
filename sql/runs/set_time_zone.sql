-- Notes the time zone in which days and hours of calls are told from now on.
-- Grain: one row. Source: the parameters. A rerun replaces the row.
-- Parameters: $time_zone, an IANA name; $changed_at (UTC).
delete from etl_settings
where setting = 'time_zone';

insert into etl_settings by name
select
    'time_zone' as setting,
    cast($time_zone as varchar) as value,
    cast($changed_at as timestamp) as changed_at;
