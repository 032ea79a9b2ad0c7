-- Stores what daily_outcomes answers for the days that are refreshed.
-- Grain: day × agent_id.
-- Source: refreshed_days; the macro outcomes_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_outcomes
where day in (select day from refreshed_days);

insert into stored_daily_outcomes by name
select *
from outcomes_by_day(
    day in (select day from refreshed_days)
);
