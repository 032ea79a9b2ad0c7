-- What every call cost, with the transferred leg apart.
-- Grain: call. Source: calls, call_costs. v1 payloads bring no cost: null, not 0.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- The cost is the total that was sent; where none was, the sum of the product lines, rounded to a
-- millionth, since the last digits of a sum of doubles depend on the order of rows.
-- A rerun replaces the macro; it holds no data. cost_details shows it; a macro, because views that read
-- it are made in the order of their names.
create or replace macro priced_calls(chosen := true) as table
with chosen_calls as (
    select
        *,
        is_connected(call_status, started_at, disconnection_reason) as is_connected
    from visible_calls() as calls
    where chosen
),

product_lines as (
    select
        call_id,
        round(sum(cost_cents), 6) as line_cents,
        round(sum(cost_cents) filter (where is_transfer_leg_cost), 6) as leg_cents,
        count(*) as product_count
    from call_costs
    group by call_id
)

select
    calls.call_id,
    calls.day,
    calls.agent_id,
    calls.agent_version,
    calls.is_connected,
    coalesce(calls.combined_cost_cents, product_lines.line_cents) as cost_cents,
    case when cost_cents is not null then coalesce(product_lines.leg_cents, 0) end
        as transfer_leg_cents,
    case when calls.is_connected then calls.duration_ms end as connected_ms,
    coalesce(product_lines.product_count, 0) as product_count,
    calls.llm_tokens_average * calls.llm_requests_count as llm_tokens
from chosen_calls as calls
left join product_lines
    on calls.call_id = product_lines.call_id;
