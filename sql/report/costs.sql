-- What each product cost, by day.
-- Grain: day × product × is_transfer_leg. Source: daily_product_costs. Reads only.
-- Calls whose date is unknown have no place on an axis of days.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    day,
    product,
    is_transfer_leg,
    sum(cost_cents) as cost_cents
from daily_product_costs
where
    day is not null
    and ($since is null or day >= cast($since as date))
    and ($agent_id is null or agent_id = $agent_id)
group by
    day,
    product,
    is_transfer_leg
order by
    day asc nulls last,
    product asc nulls last,
    is_transfer_leg asc nulls last;
