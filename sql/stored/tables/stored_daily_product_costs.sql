-- Holds the results of daily_product_costs for the days in stored_days.
-- Grain: day × agent_id × product × is_transfer_leg.
-- Source: the macro product_costs_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_product_costs as
select *
from product_costs_by_day()
with no data;

comment on table stored_daily_product_costs is
    'Results of the view daily_product_costs for the days in stored_days: ask the view';
