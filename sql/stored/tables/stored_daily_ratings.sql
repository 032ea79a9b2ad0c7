-- Holds the results of daily_ratings for the days in stored_days.
-- Grain: day × agent_id × rating × value.
-- Source: the macro ratings_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_ratings as
select *
from ratings_by_day()
with no data;

comment on table stored_daily_ratings is
    'Results of the view daily_ratings for the days in stored_days: ask the view';
