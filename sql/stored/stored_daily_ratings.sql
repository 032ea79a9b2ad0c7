-- Stores what daily_ratings answers for the days that are refreshed.
-- Grain: day × agent_id × rating × value.
-- Source: refreshed_days; the macro ratings_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_ratings
where day in (select day from refreshed_days);

insert into stored_daily_ratings by name
select *
from ratings_by_day(
    day in (select day from refreshed_days)
);
