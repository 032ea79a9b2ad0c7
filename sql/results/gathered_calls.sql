-- What the daily views read of the gathered days, under the names of the tables.
-- Grain: as the tables. Source: gathered_days, and the tables. A rerun would keep what the first run
-- chose: each connection stores one set of days.
--
-- A temporary table comes before another of its name. So while these are there, in the connection that
-- stores results, the macros of the views find in them what they would look for among all calls, some of
-- it three times. They choose their days themselves: without these tables they are slower and answer the
-- same. Instead of an id a call has a number, which is compared faster and takes less room: no result
-- shows it. Columns that no daily view reads, most of them texts, are left out.
create temp table gathered_calls as
select
    call_id,
    cast(row_number() over () as integer) as number
from calls
where cast(coalesce(started_at, first_seen_at) as date) in (select day from gathered_days);

create temp table latency_stats as
select
    gathered_calls.number as call_id,
    latency_stats.* exclude (call_id)
from latency_stats
inner join gathered_calls
    on latency_stats.call_id = gathered_calls.call_id;

create temp table latency_values as
select
    gathered_calls.number as call_id,
    latency_values.* exclude (call_id, value_index)
from latency_values
inner join gathered_calls
    on latency_values.call_id = gathered_calls.call_id;

create temp table conversations as
select
    gathered_calls.number as call_id,
    conversations.* exclude (call_id)
from conversations
inner join gathered_calls
    on conversations.call_id = gathered_calls.call_id;

create temp table turn_timings as
select
    gathered_calls.number as call_id,
    turn_timings.* exclude (call_id, utterance_index)
from turn_timings
inner join gathered_calls
    on turn_timings.call_id = gathered_calls.call_id;

create temp table call_analysis as
select
    gathered_calls.number as call_id,
    call_analysis.* exclude (call_id, call_summary, custom_analysis_data, extra)
from call_analysis
inner join gathered_calls
    on call_analysis.call_id = gathered_calls.call_id;

create temp table call_costs as
select
    gathered_calls.number as call_id,
    call_costs.* exclude (call_id)
from call_costs
inner join gathered_calls
    on call_costs.call_id = gathered_calls.call_id;

create temp table tool_calls as
select
    gathered_calls.number as call_id,
    tool_calls.* exclude (call_id, arguments, extra) replace (left(result, 1) as result)
from tool_calls
inner join gathered_calls
    on tool_calls.call_id = gathered_calls.call_id;

create temp table calls as
select
    gathered_calls.number as call_id,
    calls.agent_id,
    calls.agent_version,
    calls.call_status,
    calls.direction,
    calls.to_number,
    calls.started_at,
    calls.ended_at,
    calls.transfer_ended_at,
    calls.duration_ms,
    calls.disconnection_reason,
    calls.transfer_destination,
    calls.combined_cost_cents,
    calls.llm_tokens_average,
    calls.llm_requests_count,
    calls.first_seen_at
from calls
inner join gathered_calls
    on calls.call_id = gathered_calls.call_id;
