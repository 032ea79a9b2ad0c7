-- The combined cost of a call is the sum of its product lines, within a cent.
-- severity: warn
-- Grain: call where it is not. Source: calls, call_costs. Reads only.
with lines as (
    select
        call_id,
        sum(cost_cents) as line_sum_cents
    from call_costs
    group by call_id
)

select
    calls.call_id,
    calls.combined_cost_cents,
    lines.line_sum_cents
from calls
inner join lines
    on calls.call_id = lines.call_id
where abs(calls.combined_cost_cents - lines.line_sum_cents) > 1
order by calls.call_id asc nulls last;
