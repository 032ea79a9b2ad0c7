-- The time zone in which days and hours of calls are told.
-- Grain: one row. Source: etl_settings. Reads only.
select time_zone() as time_zone;
