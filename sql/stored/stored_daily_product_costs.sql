-- Stores what daily_product_costs answers for the days that are refreshed.
-- Grain: day × agent_id × product × is_transfer_leg.
-- Source: refreshed_days; the macro product_costs_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_product_costs
where day in (select day from refreshed_days);

insert into stored_daily_product_costs by name
select *
from product_costs_by_day(
    day in (select day from refreshed_days)
);
