-- Stores what daily_disconnections answers for the days that are refreshed.
-- Grain: day × agent_id × disconnection_reason.
-- Source: refreshed_days; the macro disconnections_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_disconnections
where day in (select day from refreshed_days);

insert into stored_daily_disconnections by name
select *
from disconnections_by_day(
    day in (select day from refreshed_days)
);
