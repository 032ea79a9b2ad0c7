-- Which tools were invoked, and how that ended.
-- Grain: name of the tool × ending that occurs. Source: daily_tools. Reads only.
-- An invocation has succeeded or failed where its result says so, else it has a result or none.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
with by_tool as (
    select
        name,
        sum(invocations) as all_invocations,
        sum(successful_invocations) as succeeded,
        sum(judged_invocations) - succeeded as failed,
        least(sum(orphans), all_invocations - succeeded - failed) as no_result,
        all_invocations - succeeded - failed - no_result as no_verdict
    from daily_tools
    where
        ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    group by name
)

select
    name,
    ending,
    cast(invocations as bigint) as invocations,
    invocations / all_invocations as share,
    cast(all_invocations as bigint) as all_invocations
from by_tool
unpivot (invocations for ending in (succeeded, failed, no_verdict, no_result))
where invocations > 0
order by
    all_invocations desc nulls last,
    name asc nulls last,
    ending asc nulls last;
