-- What every check finds now: the same queries that the command `check` runs.
-- Grain: check. Source: the macros check_<name>(), one for every file in sql/checks/.
-- Asking for all of them reads most of the warehouse; a filter on check_name runs that check alone.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view check_results as
select
    'calls_without_outcome' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_calls_without_outcome()
union all by name
select
    'cost_sum' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_cost_sum()
union all by name
select
    'duration_mismatch' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_duration_mismatch()
union all by name
select
    'early_timestamps' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_early_timestamps()
union all by name
select
    'ended_before_started' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_ended_before_started()
union all by name
select
    'ended_calls_without_times' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_ended_calls_without_times()
union all by name
select
    'event_positions' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_event_positions()
union all by name
select
    'fetched_in_future' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_fetched_in_future()
union all by name
select
    'future_timestamps' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_future_timestamps()
union all by name
select
    'latency_order' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_latency_order()
union all by name
select
    'latency_range' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_latency_range()
union all by name
select
    'latency_values_count' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_latency_values_count()
union all by name
select
    'list_positions' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_list_positions()
union all by name
select
    'loaded_without_call' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_loaded_without_call()
union all by name
select
    'negative_duration' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_negative_duration()
union all by name
select
    'open_rejects' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_open_rejects()
union all by name
select
    'orphans' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_orphans()
union all by name
select
    'speech_after_end' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_speech_after_end()
union all by name
select
    'stored_secrets' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_stored_secrets()
union all by name
select
    'tool_call_positions' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_tool_call_positions()
union all by name
select
    'transcript_without_conversation' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_transcript_without_conversation()
union all by name
select
    'transcript_without_utterances' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_transcript_without_utterances()
union all by name
select
    'turns_without_utterance' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_turns_without_utterance()
union all by name
select
    'unique_analysis' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_unique_analysis()
union all by name
select
    'unique_calls' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_unique_calls()
union all by name
select
    'unique_latency' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_unique_latency()
union all by name
select
    'unknown_reasons' as check_name,
    'warn' as severity,
    count(*) as offending_rows
from check_unknown_reasons()
union all by name
select
    'utterance_positions' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_utterance_positions()
union all by name
select
    'word_counts' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_word_counts()
union all by name
select
    'word_end_before_start' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_word_end_before_start()
union all by name
select
    'word_positions' as check_name,
    'fail' as severity,
    count(*) as offending_rows
from check_word_positions();

comment on view check_results is
    'What every check finds now: the queries that the command check runs';
comment on column check_results.check_name is
    'Name of the check: its query is sql/checks/<name>.sql';
comment on column check_results.severity is
    'fail: numbers cannot be trusted; warn: somebody should look';
comment on column check_results.offending_rows is
    'Rows that break what the check asks for; 0 is good';
