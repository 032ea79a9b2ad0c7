-- Latency of each version of an agent beside the version before it.
-- Grain: agent_id × agent_version × metric, for each metric that a call of the version reports.
-- Source: the macro pooled_latency; calls. Versions that are numbers stand in their order, before
-- names, which stand in the order of their first call. The version before is the next lower one
-- that reports the metric.
-- Calls that name no version, as in v1, share a row that has none before it.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view version_latency as
with versions as (
    select
        agent_id,
        agent_version,
        try_cast(agent_version as double) as version_number,
        min(dated_at) as first_call_at
    from visible_calls() as calls
    group by agent_id, agent_version
),

compared as (
    select
        latency.agent_id,
        latency.period as agent_version,
        latency.metric,
        versions.first_call_at,
        latency.calls,
        latency.samples,
        latency.p50_ms,
        latency.p90_ms,
        latency.p95_ms,
        latency.p99_ms,
        latency.method,
        lag(latency.period) over in_order as previous_version,
        lag(latency.samples) over in_order as previous_samples,
        lag(latency.p50_ms) over in_order as previous_p50_ms,
        lag(latency.p95_ms) over in_order as previous_p95_ms
    from pooled_latency(agent_version) as latency
    inner join versions
        on latency.agent_id is not distinct from versions.agent_id
        and latency.period is not distinct from versions.agent_version
    window in_order as (
        partition by latency.agent_id, latency.metric, latency.period is null
        order by
            versions.version_number asc nulls last,
            versions.first_call_at asc nulls last,
            latency.period asc nulls last
    )
)

select
    agent_id,
    agent_version,
    metric,
    first_call_at,
    calls,
    samples,
    p50_ms,
    p90_ms,
    p95_ms,
    p99_ms,
    method,
    previous_version,
    previous_samples,
    previous_p50_ms,
    previous_p95_ms,
    p50_ms - previous_p50_ms as p50_change_ms,
    p95_ms - previous_p95_ms as p95_change_ms
from compared;

comment on view version_latency is
    'Latency of each version of an agent beside the version before it';
comment on column version_latency.first_call_at is
    'Moment of the first call of the version, UTC; null where none has a date';
comment on column version_latency.previous_version is
    'Version before it that reports the metric; null for the first';
comment on column version_latency.previous_samples is
    'Samples of that version: a change between few samples says little';
comment on column version_latency.previous_p50_ms is 'p50_ms of that version';
comment on column version_latency.previous_p95_ms is 'p95_ms of that version';
comment on column version_latency.p50_change_ms is 'p50_ms - previous_p50_ms: above 0 is slower';
comment on column version_latency.p95_change_ms is 'p95_ms - previous_p95_ms: above 0 is slower';
