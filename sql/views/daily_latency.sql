-- Latency percentiles of each day, agent and metric, pooled over turns.
-- Grain: day × agent_id × metric, for each metric that a call of the day reports.
-- Source: stored_daily_latency; for days that are not stored, the macro
-- latency_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_latency as
select *
from stored_daily_latency
where day in (select day from stored_days)
union all by name
select *
from latency_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_latency is
    'Latency of each day, agent and metric, pooled over turns: never an average of percentiles';
