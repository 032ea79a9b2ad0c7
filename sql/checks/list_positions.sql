-- Every other list of a call is numbered 0, 1, 2, … without a gap or a repeat.
-- severity: fail
-- Grain: call × list where it is not. Reads only.
-- Source: latency_values, tool_calls, transcript_events, call_costs.
-- Sums of the positions and their squares stand for a count of the distinct ones, as in
-- word_positions.
with positions as (
    select call_id, 'latency_values' as table_name, metric, value_index as position
    from latency_values
    union all
    select call_id, 'tool_calls' as table_name, null as metric, tool_call_index as position
    from tool_calls
    union all
    select call_id, 'transcript_events' as table_name, null as metric, event_index as position
    from transcript_events
    union all
    select call_id, 'call_costs' as table_name, null as metric, cost_index as position
    from call_costs
)

select
    call_id,
    table_name,
    metric,
    count(*) as row_count,
    min(position) as first_index,
    max(position) as last_index
from positions
group by call_id, table_name, metric
having
    first_index <> 0
    or last_index <> row_count - 1
    or 2 * sum(position) <> row_count * (row_count - 1)
    or 6 * sum(cast(position as bigint) * position)
        <> row_count * (row_count - 1) * (2 * row_count - 1)
order by call_id asc nulls last, table_name asc nulls last, metric asc nulls last;
