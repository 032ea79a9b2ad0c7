-- What each product cost, by day and agent, with transferred legs apart.
-- Grain: day × agent_id × product × is_transfer_leg. Source: call_costs, calls.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_product_costs as
select
    cast(coalesce(calls.started_at, calls.first_seen_at) as date) as day,
    calls.agent_id,
    call_costs.product,
    coalesce(call_costs.is_transfer_leg_cost, false) as is_transfer_leg,
    count(*) as cost_lines,
    sum(call_costs.cost_cents) as cost_cents,
    sum(call_costs.cost_cents)
        / nullif(sum(sum(call_costs.cost_cents)) over (partition by day, calls.agent_id), 0)
        as share
from call_costs
inner join calls
    on call_costs.call_id = calls.call_id
group by day, calls.agent_id, call_costs.product, is_transfer_leg;

comment on view daily_product_costs is
    'What each product cost, by day and agent, with transferred legs apart';
comment on column daily_product_costs.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_product_costs.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_product_costs.product is 'Product that was charged, as sent';
comment on column daily_product_costs.is_transfer_leg is
    'Whether the cost belongs to transferred legs';
comment on column daily_product_costs.cost_lines is
    'Lines of cost that charge for it: mostly one a call';
comment on column daily_product_costs.cost_cents is 'Cost in cents';
comment on column daily_product_costs.share is
    'Share of all product costs of that day and agent, 0 to 1; null where they are 0';
