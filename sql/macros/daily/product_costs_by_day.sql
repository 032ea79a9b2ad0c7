-- What each product cost, by day and agent, with transferred legs apart.
-- Grain: day × agent_id × product × is_transfer_leg. Source: call_costs, calls.
-- Sums are rounded as in costs_by_day, whose comment says why.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_product_costs reads it.
create or replace macro product_costs_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

summed as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        call_costs.product,
        coalesce(call_costs.is_transfer_leg_cost, false) as is_transfer_leg,
        count(*) as cost_lines,
        round(sum(call_costs.cost_cents), 6) as cost_cents
    from call_costs
    inner join calls_of_day
        on call_costs.call_id = calls_of_day.call_id
    group by calls_of_day.day, calls_of_day.agent_id, call_costs.product, is_transfer_leg
)

select
    day,
    agent_id,
    product,
    is_transfer_leg,
    cost_lines,
    cost_cents,
    cost_cents / nullif(round(sum(cost_cents) over (partition by day, agent_id), 6), 0) as share
from summed;
