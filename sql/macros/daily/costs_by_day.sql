-- What the calls of each day and agent cost: per call, per connected minute, per successful call.
-- Grain: day × agent_id. Source: the macro priced_calls; call_analysis.
-- Only calls that bring a cost count, above and below the line; the transferred leg is apart.
-- Sums are rounded to a millionth, since the last digits of a sum of doubles depend on the order of
-- rows: the same calls cost the same however they were loaded, before they are whole and after.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_costs reads it.
create or replace macro costs_by_day(chosen := true) as table
with costed as (
    select
        costs.*,
        call_analysis.call_successful
    from priced_calls(chosen := chosen) as costs
    left join call_analysis
        on costs.call_id = call_analysis.call_id
)

select
    day,
    agent_id,
    count(*) as calls,
    count(cost_cents) as costed_calls,
    round(sum(cost_cents), 6) as cost_cents,
    round(sum(transfer_leg_cents), 6) as transfer_leg_cents,
    round(sum(cost_cents - transfer_leg_cents), 6) as agent_leg_cents,
    round(sum(cost_cents), 6) / nullif(count(cost_cents), 0) as cents_per_call,
    sum(connected_ms) filter (where cost_cents is not null) / 60000.0 as connected_minutes,
    agent_leg_cents / nullif(connected_minutes, 0) as cents_per_connected_minute,
    count(*) filter (where is_connected and call_successful and cost_cents is not null)
        as successful_calls,
    round(sum(cost_cents), 6) / nullif(successful_calls, 0) as cents_per_successful_call,
    round(sum(llm_tokens), 6) as llm_tokens
from costed
group by day, agent_id;
