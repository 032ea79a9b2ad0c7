-- Stores what daily_disconnection_categories answers for the days that are refreshed.
-- Grain: day × agent_id × category.
-- Source: refreshed_days; the macro disconnection_categories_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_disconnection_categories
where day in (select day from refreshed_days);

insert into stored_daily_disconnection_categories by name
select *
from disconnection_categories_by_day(
    day in (select day from refreshed_days)
);
