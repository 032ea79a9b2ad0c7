-- The calls by how slow they were, the slowest first, each with the metric that made it slow.
-- Grain: call that reports e2e latency. Source: latency_stats, calls.
-- A call is as slow as its e2e p95. The metric that made it slow is the part whose p95 lies
-- furthest above what is usual for it: the median over the agent's calls of their p95.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view slow_call_details as
with stats as (
    select
        latency_stats.call_id,
        calls.agent_id,
        latency_stats.metric,
        latency_stats.p50_ms,
        case when isfinite(latency_stats.p95_ms) then latency_stats.p95_ms end as p95_ms,
        latency_stats.max_ms,
        latency_stats.num
    from latency_stats
    inner join visible_calls() as calls
        on latency_stats.call_id = calls.call_id
),

usual as (
    select
        agent_id,
        metric,
        median(p95_ms) as usual_p95_ms
    from stats
    group by agent_id, metric
),

causes as (
    select
        stats.call_id,
        arg_max(
            {'metric': stats.metric, 'p95_ms': stats.p95_ms, 'usual_p95_ms': usual.usual_p95_ms},
            stats.p95_ms - usual.usual_p95_ms
        ) as cause
    from stats
    inner join usual
        on stats.agent_id is not distinct from usual.agent_id
        and stats.metric = usual.metric
    where
        stats.metric <> 'e2e'
        and stats.p95_ms > usual.usual_p95_ms
    group by stats.call_id
)

select
    rank() over (order by stats.p95_ms desc nulls last) as slow_rank,
    stats.call_id,
    calls.day,
    stats.agent_id,
    calls.agent_version,
    stats.p50_ms,
    stats.p95_ms,
    stats.max_ms,
    stats.num as samples,
    usual.usual_p95_ms,
    causes.cause.metric as slow_metric,
    causes.cause.p95_ms as slow_metric_p95_ms,
    causes.cause.usual_p95_ms as slow_metric_usual_p95_ms
from stats
inner join visible_calls() as calls
    on stats.call_id = calls.call_id
inner join usual
    on stats.agent_id is not distinct from usual.agent_id
    and stats.metric = usual.metric
left join causes
    on stats.call_id = causes.call_id
where stats.metric = 'e2e';

comment on view slow_call_details is
    'Calls by how slow they were, each with the metric that made it slow';
comment on column slow_call_details.slow_rank is
    '1 for the call with the largest e2e p95; equal calls share a rank';
comment on column slow_call_details.p50_ms is 'Median of the call''s e2e latency in ms';
comment on column slow_call_details.p95_ms is '95th percentile of the call''s e2e latency in ms';
comment on column slow_call_details.max_ms is 'Largest e2e latency of the call in ms';
comment on column slow_call_details.samples is 'Samples of e2e latency in the call';
comment on column slow_call_details.usual_p95_ms is
    'Median over the agent''s calls of their e2e p95, in ms';
comment on column slow_call_details.slow_metric is
    'Metric other than e2e whose p95 lies furthest above its usual; null when none lies above';
comment on column slow_call_details.slow_metric_p95_ms is 'That metric''s p95 in the call, in ms';
comment on column slow_call_details.slow_metric_usual_p95_ms is
    'Median over the agent''s calls of that metric''s p95, in ms';
