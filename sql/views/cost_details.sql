-- What every call cost, with the transferred leg apart.
-- Grain: call. Source: calls, call_costs. v1 payloads bring no cost: null, not 0.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view cost_details as
with product_lines as (
    select
        call_id,
        sum(cost_cents) filter (where is_transfer_leg_cost) as leg_cents,
        count(*) as product_count
    from call_costs
    group by call_id
),

calls_of_day as (
    select
        *,
        day,
        is_connected(call_status, started_at, disconnection_reason) as is_connected
    from visible_calls() as calls
)

select
    calls.call_id,
    calls.day,
    calls.agent_id,
    calls.agent_version,
    calls.is_connected,
    calls.combined_cost_cents as cost_cents,
    case
        when calls.combined_cost_cents is not null
            then coalesce(product_lines.leg_cents, 0)
    end as transfer_leg_cents,
    cost_cents - transfer_leg_cents as agent_leg_cents,
    case when calls.is_connected then calls.duration_ms / 60000.0 end as connected_minutes,
    agent_leg_cents / nullif(connected_minutes, 0) as cents_per_connected_minute,
    coalesce(product_lines.product_count, 0) as product_count,
    calls.llm_tokens_average * calls.llm_requests_count as llm_tokens
from calls_of_day as calls
left join product_lines
    on calls.call_id = product_lines.call_id;

comment on view cost_details is 'What every call cost, with the transferred leg apart';
comment on column cost_details.is_connected is
    'Whether anybody was on the line, as in outcome_details';
comment on column cost_details.cost_cents is
    'Cost of the call in cents, all products and legs; null where not sent, as in v1';
comment on column cost_details.transfer_leg_cents is
    'Part of cost_cents for the transferred leg; null where the cost is';
comment on column cost_details.connected_minutes is 'Duration in minutes; null unless connected';
comment on column cost_details.cents_per_connected_minute is
    'agent_leg_cents / connected_minutes; null without either';
comment on column cost_details.product_count is 'Product lines of the cost';
comment on column cost_details.llm_tokens is
    'Average tokens per request × requests; null where not sent';
