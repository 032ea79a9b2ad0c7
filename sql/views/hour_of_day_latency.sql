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
from pooled_latency(extract('hour' from coalesce(started_at, first_seen_at)));

comment on view hour_of_day_latency is
    'Latency of each hour of the day over all days, pooled over turns';
comment on column hour_of_day_latency.hour_of_day is
    'Hour (UTC), 0 to 23, of the calls'' start, or of when they were first seen if they never'
    ' started';
comment on column hour_of_day_latency.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column hour_of_day_latency.metric is
    'Latency metric: e2e, llm, llm_websocket_network_rtt, asr, tts, knowledge_base, s2s or newer';
comment on column hour_of_day_latency.calls is
    'Calls that report the metric, also those without a sample';
comment on column hour_of_day_latency.samples is
    'Samples behind the pooled percentiles: values when exact, else the calls'' num (1 if unknown)';
comment on column hour_of_day_latency.p50_ms is
    '50th percentile over all samples of the calls, in ms; null without samples';
comment on column hour_of_day_latency.p90_ms is
    '90th percentile over all samples of the calls, in ms; null without samples';
comment on column hour_of_day_latency.p95_ms is
    '95th percentile over all samples of the calls, in ms; null without samples';
comment on column hour_of_day_latency.p99_ms is
    '99th percentile over all samples of the calls, in ms; null without samples';
comment on column hour_of_day_latency.method is
    'exact: from every sample; summary: from the calls'' own percentiles, weighed by samples';
