-- What every call cost, with the transferred leg apart.
-- Grain: call. Source: the macro priced_calls. v1 payloads bring no cost: null, not 0.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view cost_details as
select
    call_id,
    day,
    agent_id,
    agent_version,
    is_connected,
    cost_cents,
    transfer_leg_cents,
    cost_cents - transfer_leg_cents as agent_leg_cents,
    connected_ms / 60000.0 as connected_minutes,
    agent_leg_cents / nullif(connected_minutes, 0) as cents_per_connected_minute,
    product_count,
    llm_tokens
from priced_calls();

comment on view cost_details is 'What every call cost, with the transferred leg apart';
comment on column cost_details.is_connected is
    'Whether anybody was on the line, as in outcome_details';
comment on column cost_details.cost_cents is
    'Cost of the call in cents, all products and legs: the total that was sent, else the sum of '
    'the product lines; null without either, as in v1';
comment on column cost_details.transfer_leg_cents is
    'Part of cost_cents for the transferred leg; null where the cost is';
comment on column cost_details.connected_minutes is 'Duration in minutes; null unless connected';
comment on column cost_details.cents_per_connected_minute is
    'agent_leg_cents / connected_minutes; null without either';
comment on column cost_details.product_count is 'Product lines of the cost';
comment on column cost_details.llm_tokens is
    'Average tokens per request × requests; null where not sent';
