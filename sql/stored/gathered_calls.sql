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
where day in (select day from gathered_days);

-- The rows of a table that belong to gathered calls.
create temp macro gathered(table_name) as table
select
    gathered_calls.number as call_id,
    held.* exclude (call_id)
from query_table(table_name) as held
inner join gathered_calls
    on held.call_id = gathered_calls.call_id;

create temp table latency_stats as
select *
from gathered('latency_stats');

create temp table latency_values as
select * exclude (value_index)
from gathered('latency_values');

create temp table conversations as
select *
from gathered('conversations');

create temp table turn_timings as
select * exclude (utterance_index)
from gathered('turn_timings');

create temp table call_analysis as
select * exclude (call_summary, extra)
from gathered('call_analysis');

create temp table call_costs as
select *
from gathered('call_costs');

create temp table tool_calls as
select * exclude (arguments, extra) replace (left(result, 1) as result)
from gathered('tool_calls');

create temp table utterances as
select
    call_id,
    utterance_index,
    role,
    start_s,
    end_s,
    primary_model,
    backup_model,
    fallback_reason,
    fallback_latency_ms
from gathered('utterances');

-- Words are most of what there is: only those that say how long nobody spoke after a tool.
create temp table words as
select
    call_id,
    utterance_index,
    start_s,
    end_s,
    is_spoken
from gathered('words')
semi join turns_at_tools() as turns
    using (call_id, utterance_index);

create temp table calls as
select
    call_id,
    agent_id,
    agent_version,
    call_status,
    direction,
    to_number,
    started_at,
    ended_at,
    transfer_ended_at,
    duration_ms,
    disconnection_reason,
    transfer_destination,
    combined_cost_cents,
    llm_tokens_average,
    llm_requests_count,
    dated_at,
    local_at,
    day,
    is_hidden
from gathered('calls');
