-- Stores what daily_costs answers for the days that are refreshed.
-- Grain: day × agent_id.
-- Source: refreshed_days; the macro costs_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_costs
where day in (select day from refreshed_days);

insert into stored_daily_costs by name
select *
from costs_by_day(
    day in (select day from refreshed_days)
);
