-- How often another model took the place of the one that was to answer, by day and agent.
-- Grain: day × agent_id × primary_model × backup_model × fallback_reason.
-- Source: utterances, tool_calls, calls.
-- Percentiles are pooled over turns and invocations. A call counts once in a row, however many it has.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_model_fallbacks reads it.
create or replace macro model_fallbacks_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

fallbacks as (
    select
        call_id,
        primary_model,
        backup_model,
        fallback_reason,
        fallback_latency_ms,
        true as is_turn
    from utterances
    where coalesce(primary_model, backup_model, fallback_reason) is not null
    union all by name
    select
        call_id,
        primary_model,
        backup_model,
        fallback_reason,
        fallback_latency_ms,
        false as is_turn
    from tool_calls
    where coalesce(primary_model, backup_model, fallback_reason) is not null
),

counted as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        fallbacks.primary_model,
        fallbacks.backup_model,
        fallbacks.fallback_reason,
        count(*) filter (where fallbacks.is_turn) as turns,
        count(*) filter (where not fallbacks.is_turn) as tool_invocations,
        count(distinct fallbacks.call_id) as calls,
        quantile_cont(fallbacks.fallback_latency_ms, [0.5, 0.95]) as percentiles
    from fallbacks
    inner join calls_of_day
        on fallbacks.call_id = calls_of_day.call_id
    group by
        calls_of_day.day,
        calls_of_day.agent_id,
        fallbacks.primary_model,
        fallbacks.backup_model,
        fallbacks.fallback_reason
)

select
    day,
    agent_id,
    primary_model,
    backup_model,
    fallback_reason,
    turns,
    tool_invocations,
    calls,
    percentiles[1] as fallback_p50_ms,
    percentiles[2] as fallback_p95_ms
from counted;
