-- Latency as Retell's own dashboard shows it, beside the pooled percentiles, so that the difference
-- can be explained.
-- Grain: day × agent_id × metric, for each metric that a call of the day reports.
-- Source: daily_latency; latency_stats and calls.
-- The dashboard takes one number of every call, its p50, and shows average, median and 90th percentile
-- over calls: a call of two turns weighs as much as one of fifty, and a slow turn in a fast call does
-- not show. The pooled percentiles are over turns: what people waited.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view reported_latency as
with over_calls as (
    select
        calls.day,
        calls.agent_id,
        stats.metric,
        count(stats.p50_ms) as reporting_calls,
        avg(stats.p50_ms) as avg_call_p50_ms,
        quantile_cont(stats.p50_ms, 0.9) as p90_call_p50_ms
    from finite_latency_stats() as stats
    inner join visible_calls() as calls
        on stats.call_id = calls.call_id
    group by calls.day, calls.agent_id, stats.metric
)

select
    pooled.day,
    pooled.agent_id,
    pooled.metric,
    pooled.calls,
    coalesce(over_calls.reporting_calls, 0) as reporting_calls,
    over_calls.avg_call_p50_ms,
    pooled.median_call_p50_ms,
    over_calls.p90_call_p50_ms,
    pooled.samples,
    pooled.p50_ms,
    pooled.p90_ms,
    pooled.method
from daily_latency as pooled
left join over_calls
    on pooled.day is not distinct from over_calls.day
    and pooled.agent_id is not distinct from over_calls.agent_id
    and pooled.metric = over_calls.metric;

comment on view reported_latency is
    'Latency as Retell''s own dashboard shows it, over the p50 of calls, beside the pooled one';
comment on column reported_latency.reporting_calls is
    'calls that send a p50, which the next three are over';
comment on column reported_latency.avg_call_p50_ms is
    'Average over calls of their p50, in ms; null without any';
comment on column reported_latency.p90_call_p50_ms is
    '90th percentile over calls of their p50, in ms; null without any';
