-- What each product cost, by day and agent, with transferred legs apart.
-- Grain: day × agent_id × product × is_transfer_leg. Source: call_costs, calls.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_product_costs reads it.
create or replace macro product_costs_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
)

select
    calls_of_day.day,
    calls_of_day.agent_id,
    call_costs.product,
    coalesce(call_costs.is_transfer_leg_cost, false) as is_transfer_leg,
    count(*) as cost_lines,
    sum(call_costs.cost_cents) as cost_cents,
    sum(call_costs.cost_cents)
        / nullif(sum(sum(call_costs.cost_cents)) over (partition by calls_of_day.day, calls_of_day.agent_id), 0)
        as share
from call_costs
inner join calls_of_day
    on call_costs.call_id = calls_of_day.call_id
group by calls_of_day.day, calls_of_day.agent_id, call_costs.product, is_transfer_leg;
