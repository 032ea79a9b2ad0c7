-- Stores what daily_custom_analysis answers for the days that are refreshed.
-- Grain: day × agent_id × name, for names that a call has a value of.
-- Source: refreshed_days; the macro custom_analysis_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_custom_analysis
where day in (select day from refreshed_days);

insert into stored_daily_custom_analysis by name
select *
from custom_analysis_by_day(
    day in (select day from refreshed_days)
);
