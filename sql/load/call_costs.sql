-- Fills call_costs from the staged payloads.
-- Grain: call × product line. Source: staged. A rerun replaces the same rows.
delete from call_costs
where call_id in (select call_id from replaced);

insert into call_costs by name
with lines as (
    select
        call_id,
        read_as(unnest(cast(call_cost -> '$.product_costs' as json[])), 'product_cost') as line,
        generate_subscripts(cast(call_cost -> '$.product_costs' as json[]), 1) - 1 as cost_index
    from staged
    where json_type(call_cost, '$.product_costs') = 'ARRAY'
)

select
    call_id,
    cost_index,
    line.* rename (cost as cost_cents, unit_price as unit_price_cents)
from lines;
