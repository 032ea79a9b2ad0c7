-- How often agents invoke each tool, and how that ends, by day and agent.
-- Grain: day × agent_id × name of the tool. Source: tool_calls, calls.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_tools reads it.
create or replace macro tools_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
)

select
    calls_of_day.day,
    calls_of_day.agent_id,
    tool_calls.name,
    count(*) as invocations,
    count(tool_calls.result) as results,
    count(*) - count(tool_calls.result) as orphans,
    orphans / count(*) as orphan_rate,
    count(tool_calls.successful) as judged_invocations,
    count(*) filter (where tool_calls.successful) as successful_invocations,
    successful_invocations / nullif(judged_invocations, 0) as success_rate
from tool_calls
inner join calls_of_day
    on tool_calls.call_id = calls_of_day.call_id
group by calls_of_day.day, calls_of_day.agent_id, tool_calls.name;
