-- Holds the results of daily_slow_turns for the days in stored_days.
-- Grain: day × agent_id × metric × threshold_ms.
-- Source: the macro slow_turns_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_slow_turns as
select *
from slow_turns_by_day()
with no data;

comment on table stored_daily_slow_turns is
    'Results of the view daily_slow_turns for the days in stored_days: ask the view';
