-- Fields of a line of a call's cost that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_product_cost() as
['product', 'cost', 'unit_price', 'is_transfer_leg_cost'];
