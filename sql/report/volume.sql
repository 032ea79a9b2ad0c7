-- How many calls there were, and how far they came.
-- Grain: day × result. Source: daily_outcomes. Reads only.
-- The four results of a day add up to its calls.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
with by_day as (
    select
        day,
        sum(conversations) as conversation,
        sum(connected_calls) - sum(conversations) as automated_answer,
        sum(over_calls) - sum(connected_calls) as not_connected,
        sum(calls) - sum(over_calls) as going_on,
        sum(calls) as all_calls
    from daily_outcomes
    where
        day is not null
        and ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    group by day
)

select
    day,
    result,
    cast(calls as bigint) as calls,
    calls / all_calls as share
from by_day
unpivot (calls for result in (conversation, automated_answer, not_connected, going_on))
where calls > 0
order by
    day asc nulls last,
    result asc nulls last;
