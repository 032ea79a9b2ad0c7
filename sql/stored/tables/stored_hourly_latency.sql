-- Holds the results of hourly_latency for the days in stored_days.
-- Grain: hour × agent_id × metric.
-- Source: the macro latency_by_hour, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_hourly_latency as
select *
from latency_by_hour()
with no data;

comment on table stored_hourly_latency is
    'Results of the view hourly_latency for the days in stored_days: ask the view';
