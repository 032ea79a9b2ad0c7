-- Latency percentiles of each hour, agent and metric, pooled over turns.
-- Grain: hour × agent_id × metric, for each metric that a call of the hour reports.
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
    chosen := cast(coalesce(started_at, first_seen_at) as date)
        not in (select day from stored_days)
);

comment on view hourly_latency is
    'Latency of each hour, agent and metric, pooled over turns: never an average of percentiles';
comment on column hourly_latency.hour is
    'Hour (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column hourly_latency.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column hourly_latency.metric is
    'Latency metric: e2e, llm, llm_websocket_network_rtt, asr, tts, knowledge_base, s2s or newer';
comment on column hourly_latency.calls is
    'Calls that report the metric, also those without a sample';
comment on column hourly_latency.samples is
    'Samples behind the pooled percentiles: values when exact, else the calls'' num (1 if unknown)';
comment on column hourly_latency.p50_ms is
    '50th percentile over all samples of the calls, in ms; null without samples';
comment on column hourly_latency.p90_ms is
    '90th percentile over all samples of the calls, in ms; null without samples';
comment on column hourly_latency.p95_ms is
    '95th percentile over all samples of the calls, in ms; null without samples';
comment on column hourly_latency.p99_ms is
    '99th percentile over all samples of the calls, in ms; null without samples';
comment on column hourly_latency.median_call_p50_ms is
    'Median of the calls'' own p50, in ms: the typical call, long or short';
comment on column hourly_latency.p99_call_p99_ms is
    '99th percentile of the calls'' own p99, in ms: the tail of the worst calls';
comment on column hourly_latency.method is
    'exact: from every sample; summary: from the calls'' own percentiles, weighed by samples';
