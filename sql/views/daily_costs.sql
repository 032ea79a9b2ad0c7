-- What the calls of each day and agent cost: per call, per connected minute, per successful call.
-- Grain: day × agent_id.
-- Source: stored_daily_costs; for days that are not stored, the macro
-- costs_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_costs as
select *
from stored_daily_costs
where day in (select day from stored_days)
union all by name
select *
from costs_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_costs is
    'What the calls of each day and agent cost, the transferred leg apart';
comment on column daily_costs.costed_calls is 'Calls that bring a cost, 0 included; 0 in v1';
comment on column daily_costs.cost_cents is
    'Cost of costed_calls in cents, all legs; null without any';
comment on column daily_costs.transfer_leg_cents is 'Part of cost_cents for transferred legs';
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
