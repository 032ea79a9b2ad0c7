-- Every row of a call's tables belongs to a row in calls.
-- severity: fail
-- Grain: call × table with such rows. Source: calls and all tables of a call. Reads only.
with orphans as (
    select call_id, 'utterances' as table_name
    from utterances
    anti join calls using (call_id)
    union all by name
    select call_id, 'words' as table_name
    from words
    anti join calls using (call_id)
    union all by name
    select call_id, 'latency_stats' as table_name
    from latency_stats
    anti join calls using (call_id)
    union all by name
    select call_id, 'latency_values' as table_name
    from latency_values
    anti join calls using (call_id)
    union all by name
    select call_id, 'call_analysis' as table_name
    from call_analysis
    anti join calls using (call_id)
    union all by name
    select call_id, 'tool_calls' as table_name
    from tool_calls
    anti join calls using (call_id)
    union all by name
    select call_id, 'transcript_events' as table_name
    from transcript_events
    anti join calls using (call_id)
    union all by name
    select call_id, 'call_costs' as table_name
    from call_costs
    anti join calls using (call_id)
    union all by name
    select call_id, 'conversations' as table_name
    from conversations
    anti join calls using (call_id)
    union all by name
    select call_id, 'turn_timings' as table_name
    from turn_timings
    anti join calls using (call_id)
)

select
    call_id,
    table_name,
    count(*) as row_count
from orphans
group by call_id, table_name
order by call_id asc nulls last, table_name asc nulls last;
