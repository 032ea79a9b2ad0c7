-- Stores what daily_pickups answers for the days that are refreshed.
-- Grain: day × agent_id.
-- Source: refreshed_days; the macro pickups_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_pickups
where day in (select day from refreshed_days);

insert into stored_daily_pickups by name
select *
from pickups_by_day(
    day in (select day from refreshed_days)
);
