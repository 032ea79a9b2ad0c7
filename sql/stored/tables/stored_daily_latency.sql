-- Holds the results of daily_latency for the days in stored_days.
-- Grain: day × agent_id × metric.
-- Source: the macro latency_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_latency as
select *
from latency_by_day()
with no data;

comment on table stored_daily_latency is
    'Results of the view daily_latency for the days in stored_days: ask the view';
