-- Fields of a call's cost that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_call_cost() as
['combined_cost', 'product_costs'];
