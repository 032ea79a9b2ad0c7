-- Holds the results of daily_tools for the days in stored_days.
-- Grain: day × agent_id × name of the tool.
-- Source: the macro tools_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_tools as
select *
from tools_by_day()
with no data;

comment on table stored_daily_tools is
    'Results of the view daily_tools for the days in stored_days: ask the view';
