-- Holds the results of daily_disconnection_categories for the days in stored_days.
-- Grain: day × agent_id × category.
-- Source: the macro disconnection_categories_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_disconnection_categories as
select *
from disconnection_categories_by_day()
with no data;

comment on table stored_daily_disconnection_categories is
    'Results of the view daily_disconnection_categories for the days in stored_days: ask the view';
