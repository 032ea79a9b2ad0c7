-- The time zone in which days and hours of calls are told, as runs were given it; UTC by default.
-- Grain: scalar. Source: etl_settings. A rerun replaces the macro.
create or replace macro time_zone() as
coalesce((select max(value) from etl_settings where setting = 'time_zone'), 'UTC');
