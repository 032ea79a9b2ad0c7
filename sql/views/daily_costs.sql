-- What the calls of each day and agent cost: per call, per connected minute, per successful call.
-- Grain: day × agent_id. Source: calls, call_costs, call_analysis.
-- Only calls that bring a cost count, above and below the line; the transferred leg is apart.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_costs as
with transfer_legs as (
    select
        call_id,
        sum(cost_cents) as transfer_leg_cents
    from call_costs
    where is_transfer_leg_cost
    group by call_id
),

costed as (
    select
        cast(coalesce(calls.started_at, calls.first_seen_at) as date) as day,
        calls.agent_id,
        calls.combined_cost_cents as cost_cents,
        coalesce(transfer_legs.transfer_leg_cents, 0) as transfer_leg_cents,
        is_connected(calls.call_status, calls.started_at, calls.disconnection_reason)
            as is_connected,
        calls.duration_ms,
        call_analysis.call_successful,
        calls.llm_tokens_average * calls.llm_requests_count as llm_tokens
    from calls
    left join call_analysis
        on calls.call_id = call_analysis.call_id
    left join transfer_legs
        on calls.call_id = transfer_legs.call_id
)

select
    day,
    agent_id,
    count(*) as calls,
    count(cost_cents) as costed_calls,
    sum(cost_cents) as cost_cents,
    sum(transfer_leg_cents) filter (where cost_cents is not null) as transfer_leg_cents,
    sum(cost_cents - transfer_leg_cents) as agent_leg_cents,
    avg(cost_cents) as cents_per_call,
    sum(duration_ms) filter (where is_connected and cost_cents is not null) / 60000.0
        as connected_minutes,
    agent_leg_cents / nullif(connected_minutes, 0) as cents_per_connected_minute,
    count(*) filter (where is_connected and call_successful and cost_cents is not null)
        as successful_calls,
    sum(cost_cents) / nullif(successful_calls, 0) as cents_per_successful_call,
    sum(llm_tokens) as llm_tokens
from costed
group by day, agent_id;

comment on view daily_costs is
    'What the calls of each day and agent cost, the transferred leg apart';
comment on column daily_costs.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_costs.agent_id is 'Agent of the calls; null where the payload names none';
comment on column daily_costs.calls is 'Calls of any status';
comment on column daily_costs.costed_calls is 'Calls that bring a cost, 0 included; 0 in v1';
comment on column daily_costs.cost_cents is
    'Cost of costed_calls in cents, all legs; null without any';
comment on column daily_costs.transfer_leg_cents is 'Part of cost_cents for transferred legs';
comment on column daily_costs.agent_leg_cents is 'cost_cents - transfer_leg_cents';
comment on column daily_costs.cents_per_call is 'cost_cents / costed_calls';
comment on column daily_costs.connected_minutes is 'Minutes of connected calls among costed_calls';
comment on column daily_costs.cents_per_connected_minute is
    'agent_leg_cents / connected_minutes; null without any';
comment on column daily_costs.successful_calls is
    'Connected calls among costed_calls whose analysis says call_successful';
comment on column daily_costs.cents_per_successful_call is
    'cost_cents / successful_calls: what a success costs, failures included; null without any';
comment on column daily_costs.llm_tokens is
    'Sum of average tokens per request × requests; null where no call says';
