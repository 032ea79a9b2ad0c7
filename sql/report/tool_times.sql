-- How long each tool took, and how often nobody spoke for long after it was invoked.
-- Grain: name of the tool. Source: tool_calls, calls; the macro waits_after_tools. Reads only.
-- Percentiles are over the invocations of all days together: those of days cannot be averaged.
-- watched_invocations are those of which tool_details knows whether dead air followed.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
with chosen_calls as (
    select call_id
    from visible_calls() as calls
    where
        ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
)

select
    tool_calls.name,
    count(*) as invocations,
    count(tool_calls.latency_ms) as timed_invocations,
    quantile_cont(tool_calls.latency_ms, 0.5) as p50_ms,
    quantile_cont(tool_calls.latency_ms, 0.95) as p95_ms,
    count(waits.call_id) as watched_invocations,
    count(waits.dead_air_s) as dead_air_invocations,
    dead_air_invocations / nullif(watched_invocations, 0) as dead_air_rate
from tool_calls
inner join chosen_calls
    on tool_calls.call_id = chosen_calls.call_id
left join waits_after_tools(
    chosen := (
        $since is null
        or day >= cast($since as date)
    )
    and ($agent_id is null or agent_id = $agent_id)
) as waits
    on tool_calls.call_id = waits.call_id
    and tool_calls.tool_call_index = waits.tool_call_index
group by tool_calls.name
order by
    invocations desc nulls last,
    tool_calls.name asc nulls last;
