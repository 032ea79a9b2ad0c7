-- How often agents invoke each tool, how that ends, and how long it takes, by day and agent.
-- Grain: day × agent_id × name of the tool. Source: tool_calls, calls; the macro waits_after_tools.
-- Percentiles of latency are over invocations, which are pooled and never averaged.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_tools reads it.
create or replace macro tools_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

counted as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        tool_calls.name,
        count(*) as invocations,
        count(tool_calls.result) as results,
        count(*) - count(tool_calls.result) as orphans,
        cast(orphans as double) / count(*) as orphan_rate,
        count(tool_calls.successful) as judged_invocations,
        count(*) filter (where tool_calls.successful) as successful_invocations,
        cast(successful_invocations as double) / nullif(judged_invocations, 0) as success_rate,
        count(tool_calls.latency_ms) as timed_invocations,
        quantile_cont(tool_calls.latency_ms, [0.5, 0.95, 0.99]) as percentiles,
        count(dead_air.dead_air_s) as dead_air_invocations
    from tool_calls
    inner join calls_of_day
        on tool_calls.call_id = calls_of_day.call_id
    left join waits_after_tools(chosen := chosen) as dead_air
        on tool_calls.call_id = dead_air.call_id
        and tool_calls.tool_call_index = dead_air.tool_call_index
    group by calls_of_day.day, calls_of_day.agent_id, tool_calls.name
)

select
    day,
    agent_id,
    name,
    invocations,
    results,
    orphans,
    orphan_rate,
    judged_invocations,
    successful_invocations,
    success_rate,
    timed_invocations,
    percentiles[1] as latency_p50_ms,
    percentiles[2] as latency_p95_ms,
    percentiles[3] as latency_p99_ms,
    dead_air_invocations
from counted;
