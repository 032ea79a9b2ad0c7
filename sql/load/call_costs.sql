-- Fills call_costs from the staged payloads.
-- Grain: call × product line. Source: staged. A rerun replaces the same rows.
delete from call_costs
where call_id in (select call_id from replaced);

insert into call_costs by name
with lines as (
    select
        call_id,
        unnest(cast(call_cost -> '$.product_costs' as json[])) as line,
        generate_subscripts(cast(call_cost -> '$.product_costs' as json[]), 1) - 1 as cost_index
    from staged
    where json_type(call_cost, '$.product_costs') = 'ARRAY'
)

select
    call_id,
    cost_index,
    line ->> '$.product' as product,
    cast(line ->> '$.cost' as double) as cost_cents,
    cast(line ->> '$.unit_price' as double) as unit_price_cents,
    cast(line ->> '$.is_transfer_leg_cost' as boolean) as is_transfer_leg_cost
from lines;
