-- Who talked how much, and who talked over whom, by day.
-- Grain: day with a timed transcript. Source: conversation_details. Reads only. Sums over calls are
-- divided by sums over calls, as in daily_conversations, whose rows these are where one agent is
-- asked for: ratios of agents cannot be added up.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    day,
    count(dialogue_s) as timed_calls,
    sum(agent_talk_s) filter (where user_talk_s is not null)
        / nullif(sum(agent_talk_s + user_talk_s), 0) as agent_talk_ratio,
    sum(silence_s) / nullif(sum(dialogue_s), 0) as silence_rate,
    cast(sum(agent_interruption_count) as bigint) as agent_interruptions,
    cast(sum(user_interruption_count) as bigint) as user_interruptions,
    agent_interruptions / timed_calls as agent_interruptions_per_call,
    user_interruptions / timed_calls as user_interruptions_per_call
from conversation_details
where
    dialogue_s is not null
    and day is not null
    and ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by day
order by day asc nulls last;
