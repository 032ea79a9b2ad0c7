-- Latency of each hour of the day, over all days.
-- Grain: hour_of_day × agent_id × metric, for each metric that a call of the hour reports.
-- Source: the macro pooled_latency, which says how percentiles are pooled.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view hour_of_day_latency as
select
    period as hour_of_day,
    agent_id,
    metric,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method
from pooled_latency(extract('hour' from local_at));

comment on view hour_of_day_latency is
    'Latency of each hour of the day over all days, pooled over turns';
comment on column hour_of_day_latency.hour_of_day is
    'Hour, 0 to 23, on the clocks of PIPELINE_TIMEZONE; null: date unknown';
