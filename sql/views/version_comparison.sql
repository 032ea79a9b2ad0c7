-- Each version of an agent beside the version before it, on every headline metric.
-- Grain: agent_id × agent_version × metric, every metric for each version that has calls.
-- Source: the macro bounded_metrics, which says how each metric is made; calls. Versions stand in the
-- order of version_latency: numbers by their size, then names by their first call.
-- Calls that name no version, as in v1, share rows that have none before them.
-- compare_versions(agent, version, version) is a table macro that answers for any two.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view version_comparison as
with versions as (
    select
        agent_id,
        plain_version(agent_version) as agent_version,
        try_cast(plain_version(agent_version) as double) as version_number,
        min(dated_at) as first_call_at
    from visible_calls() as calls
    group by agent_id, plain_version(agent_version)
),

beside as (
    select
        metrics.agent_id,
        metrics.period as agent_version,
        metrics.metric,
        metrics.value,
        metrics.low,
        metrics.high,
        metrics."count",
        lag(metrics.period) over in_order as previous_version,
        lag(metrics.value) over in_order as previous_value,
        lag(metrics.low) over in_order as previous_low,
        lag(metrics.high) over in_order as previous_high,
        lag(metrics."count") over in_order as previous_count
    from bounded_metrics(plain_version(agent_version), agent_id, true) as metrics
    inner join versions
        on metrics.agent_id is not distinct from versions.agent_id
        and metrics.period is not distinct from versions.agent_version
    window in_order as (
        partition by metrics.agent_id, metrics.metric, metrics.period is null
        order by
            versions.version_number asc nulls last,
            versions.first_call_at asc nulls last,
            metrics.period asc nulls last
    )
)

select
    agent_id,
    agent_version,
    previous_version,
    metric,
    value,
    low,
    high,
    "count",
    previous_value,
    previous_low,
    previous_high,
    previous_count,
    value - previous_value as change,
    is_clear_change(low, high, previous_low, previous_high) as is_clear
from beside;

comment on view version_comparison is
    'Each version of an agent beside the version before it, on every headline metric';
comment on column version_comparison.agent_version is
    'Agent''s version, 3 also where a payload says 3.0; null where payloads name none, as in v1';
comment on column version_comparison.previous_version is
    'Version before it; null for the first, and where no version is named';
