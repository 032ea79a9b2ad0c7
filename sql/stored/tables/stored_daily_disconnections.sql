-- Holds the results of daily_disconnections for the days in stored_days.
-- Grain: day × agent_id × disconnection_reason.
-- Source: the macro disconnections_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_disconnections as
select *
from disconnections_by_day()
with no data;

comment on table stored_daily_disconnections is
    'Results of the view daily_disconnections for the days in stored_days: ask the view';
