-- Holds the results of daily_custom_analysis for the days in stored_days.
-- Grain: day × agent_id × name, for names that a call has a value of.
-- Source: the macro custom_analysis_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_custom_analysis as
select *
from custom_analysis_by_day()
with no data;

comment on table stored_daily_custom_analysis is
    'Results of the view daily_custom_analysis for the days in stored_days: ask the view';
