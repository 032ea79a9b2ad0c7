-- Two versions of an agent side by side on every headline metric.
-- Grain: metric. Source: the macro bounded_metrics.
-- Parameters: of_agent, an agent_id; of_version and before_version, as text or as numbers.
-- A rerun replaces the macro; it holds no data. version_comparison shows each version and the one before.
create or replace macro compare_versions(of_agent, of_version, before_version) as table
with metrics as (
    select *
    from bounded_metrics(
        plain_version(agent_version),
        agent_id,
        agent_id is not distinct from of_agent
        and (
            plain_version(agent_version) is not distinct from plain_version(of_version)
            or plain_version(agent_version) is not distinct from plain_version(before_version)
        )
    )
)

select
    newer.agent_id,
    newer.period as agent_version,
    older.period as previous_version,
    newer.metric,
    newer.value,
    newer.low,
    newer.high,
    newer."count",
    older.value as previous_value,
    older.low as previous_low,
    older.high as previous_high,
    older."count" as previous_count,
    newer.value - older.value as change,
    is_clear_change(newer.low, newer.high, older.low, older.high) as is_clear
from metrics as newer
inner join metrics as older
    on newer.metric = older.metric
where
    newer.period is not distinct from plain_version(of_version)
    and older.period is not distinct from plain_version(before_version);
