-- How many rows every table of the contract has.
-- Grain: table. Source: every table. Reads only.
select 'calls' as table_name, count(*) as row_count from calls
union all
select 'utterances' as table_name, count(*) as row_count from utterances
union all
select 'words' as table_name, count(*) as row_count from words
union all
select 'latency_stats' as table_name, count(*) as row_count from latency_stats
union all
select 'latency_values' as table_name, count(*) as row_count from latency_values
union all
select 'call_analysis' as table_name, count(*) as row_count from call_analysis
union all
select 'tool_calls' as table_name, count(*) as row_count from tool_calls
union all
select 'transcript_events' as table_name, count(*) as row_count from transcript_events
union all
select 'call_costs' as table_name, count(*) as row_count from call_costs
union all
select 'conversations' as table_name, count(*) as row_count from conversations
union all
select 'turn_timings' as table_name, count(*) as row_count from turn_timings
union all
select 'call_events' as table_name, count(*) as row_count from call_events
union all
select 'etl_runs' as table_name, count(*) as row_count from etl_runs
union all
select 'etl_chunks' as table_name, count(*) as row_count from etl_chunks
union all
select 'etl_outcomes' as table_name, count(*) as row_count from etl_outcomes
union all
select 'etl_rejects' as table_name, count(*) as row_count from etl_rejects
union all
select 'etl_drift' as table_name, count(*) as row_count from etl_drift
union all
select 'etl_events' as table_name, count(*) as row_count from etl_events;
