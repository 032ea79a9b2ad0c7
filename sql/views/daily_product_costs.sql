-- What each product cost, by day and agent, with transferred legs apart.
-- Grain: day × agent_id × product × is_transfer_leg.
-- Source: stored_daily_product_costs; for days that are not stored, the macro
-- product_costs_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_product_costs as
select *
from stored_daily_product_costs
where day in (select day from stored_days)
union all by name
select *
from product_costs_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_product_costs is
    'What each product cost, by day and agent, with transferred legs apart';
comment on column daily_product_costs.is_transfer_leg is
    'Whether the cost belongs to transferred legs';
comment on column daily_product_costs.cost_lines is
    'Lines of cost that charge for it: mostly one a call';
comment on column daily_product_costs.share is
    'Share of all product costs of that day and agent, 0 to 1; null where they are 0';
