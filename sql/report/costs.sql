-- What each product cost, by day.
-- Grain: day × product × is_transfer_leg. Source: daily_product_costs. Reads only.
-- Parameters: $since, the first day (UTC), or null; $agent_id, the one agent, or null.
select
    day,
    product,
    is_transfer_leg,
    sum(cost_cents) as cost_cents
from daily_product_costs
where
    ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    product,
    is_transfer_leg
order by
    day,
    product,
    is_transfer_leg;
