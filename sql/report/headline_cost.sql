-- What the calls of the period cost.
-- Grain: one row, also without calls. Source: daily_costs. Reads only.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    cast(coalesce(sum(costed_calls), 0) as bigint) as costed_calls,
    sum(cost_cents) as cost_cents,
    sum(agent_leg_cents) / nullif(sum(connected_minutes), 0) as cents_per_connected_minute
from daily_costs
where
    ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id);
