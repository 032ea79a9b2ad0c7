-- What became of the calls of the period: the counts and rates at the head of the report.
-- Grain: one row, also without calls. Source: daily_outcomes. Reads only.
-- A rate of a period is made of the sums of its counts, never of rates of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    min(day) as first_day,
    max(day) as last_day,
    cast(coalesce(sum(calls), 0) as bigint) as calls,
    cast(coalesce(sum(calls) filter (where day is null), 0) as bigint) as calls_without_date,
    cast(coalesce(sum(over_calls), 0) as bigint) as over_calls,
    cast(coalesce(sum(connected_calls), 0) as bigint) as connected_calls,
    sum(connected_calls) / nullif(sum(over_calls), 0) as connect_rate,
    cast(coalesce(sum(judged_calls), 0) as bigint) as judged_calls,
    cast(coalesce(sum(successful_calls), 0) as bigint) as successful_calls,
    sum(successful_calls) / nullif(sum(judged_calls), 0) as success_rate
from daily_outcomes
where
    ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id);
