-- Latency percentiles of each hour, agent and metric, pooled over turns.
-- Grain: hour_starts_at × agent_id × metric, for each metric that a call of the hour reports.
-- Source: stored_hourly_latency; for days that are not stored, the macro
-- latency_by_hour, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view hourly_latency as
select *
from stored_hourly_latency
where cast(hour as date) in (select day from stored_days)
union all by name
select *
from latency_by_hour(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view hourly_latency is
    'Latency of each hour, agent and metric, pooled over turns: never an average of percentiles';
comment on column hourly_latency.hour is
    'Hour of the calls on the clocks of PIPELINE_TIMEZONE; null: date unknown';
