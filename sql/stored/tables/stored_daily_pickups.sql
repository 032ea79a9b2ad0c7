-- Holds the results of daily_pickups for the days in stored_days.
-- Grain: day × agent_id.
-- Source: the macro pickups_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_pickups as
select *
from pickups_by_day()
with no data;

comment on table stored_daily_pickups is
    'Results of the view daily_pickups for the days in stored_days: ask the view';
