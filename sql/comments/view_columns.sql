-- What a column means in every view that has it: the comments of columns without one of their own.
-- Grain: column of a view that has no comment.
-- Source: the definitions below; the comments of tables, in the catalogue.
-- Reads only: the statement that sets a comment takes no parameters.
--
-- The file of a view says what its columns mean there alone, and that comment stands. Of the others
-- the first of these says it:
--
-- beside    the definition for views that also have the column named beside it;
-- general   the definition for any view;
-- table     the comment on the column of that name in the tables of calls, if all of them agree.
with definitions (column_name, beside, comment) as (
    values
        (
            'agent_id',
            null,
            'Agent of the call, or of the row''s calls; null where the payload names none'
        ),
        ('agent_leg_cents', null, 'cost_cents - transfer_leg_cents'),
        (
            'agent_version',
            null,
            'Agent''s version, as text; null where the payload names none, as in v1'
        ),
        (
            'avg_duration_ms',
            null,
            'Average duration in ms where known; 0 counts, which is what calls that never '
            || 'connected send'
        ),
        (
            'call_complete_rate',
            null,
            'Share of call_rated_calls rated Complete, 0 to 1; null without a rating'
        ),
        ('call_rated_calls', null, 'connected_calls with a call_completion_rating (v1)'),
        ('calls', null, 'Calls of any status'),
        ('calls', 'disconnection_reason', 'Calls that ended for this reason'),
        ('calls', 'metric', 'Calls that report the metric, also those without a sample'),
        (
            'category',
            null,
            'Category of the disconnection reason: completed, asked_to_stop, transferred, '
            || 'automated_answer, timeout, not_connected, capacity_or_account, platform_error, '
            || 'operator, none (no reason) or unknown (a reason that is not known)'
        ),
        ('connect_rate', null, 'connected_calls / over_calls, 0 to 1; null where no call is over'),
        ('connect_rate', 'attempts', 'connected_attempts / attempts, 0 to 1'),
        ('connected_attempts', null, 'attempts that connected, to a person or a machine'),
        ('connected_calls', null, 'Calls that are over and connected, to a person or a machine'),
        (
            'containment_rate',
            null,
            'contained_calls / conversations, 0 to 1; null without conversations'
        ),
        (
            'conversations',
            null,
            'Connected calls that are over and reached neither voicemail nor IVR'
        ),
        (
            'day',
            null,
            'Day of the call on the clocks of PIPELINE_TIMEZONE: of its start, else of its end, '
            || 'else of when a sync first saw it; null: date unknown'
        ),
        (
            'conversation_success_rate',
            null,
            'successful conversations / judged_conversations, 0 to 1: voicemails and IVRs, which '
            || 'success_rate counts, are left out; null without a verdict, as in v1'
        ),
        (
            'customer_number',
            null,
            'Number of the customer, as sent: from_number of an inbound call, else to_number'
        ),
        (
            'dead_air_rate',
            null,
            'Seconds in silences longer than 5 s / seconds from first to last word, 0 to 1'
        ),
        ('disconnection_reason', null, 'Reason as the API sent it; null for calls without one'),
        (
            'early_hangup_rate',
            null,
            'early_hangups / conversations, 0 to 1; null without conversations'
        ),
        (
            'first_later_call_at',
            null,
            'Moment of the first of later_calls, UTC; null without any'
        ),
        (
            'hour_starts_at',
            null,
            'When the hour begins, UTC: of the two hours of one name when clocks go back, which it is'
        ),
        ('invocations', null, 'Invocations of the tool'),
        (
            'judged_calls',
            null,
            'connected_calls whose analysis says call_successful, true or false; 0 in v1'
        ),
        (
            'judged_conversations',
            null,
            'conversations whose analysis says call_successful, true or false; 0 in v1'
        ),
        ('judged_invocations', null, 'Invocations whose result says whether it succeeded; 0 in v1'),
        (
            'median_call_p50_ms',
            null,
            'Median of the calls'' own p50, in ms: the typical call, long or short'
        ),
        ('median_connected_ms', null, 'Median duration of connected_calls in ms; null without any'),
        (
            'method',
            null,
            'exact: from samples; summary: from the calls'' own percentiles, weighed by samples; '
            || 'mixed: from samples, and summaries of calls that have none'
        ),
        (
            'metric',
            null,
            'Latency metric: e2e, llm, llm_websocket_network_rtt, asr, tts, knowledge_base, s2s '
            || 'or newer'
        ),
        ('name', null, 'Name of the tool, as sent'),
        (
            'negative_rate',
            null,
            'Share of sentiment_calls that are Negative, 0 to 1; null without any'
        ),
        ('orphan_rate', null, 'orphans / invocations, 0 to 1'),
        ('orphans', null, 'Invocations without a result'),
        ('over_calls', null, 'Calls that are neither registered nor ongoing'),
        (
            'p50_ms',
            null,
            '50th percentile over all samples of the calls, in ms; null without samples'
        ),
        (
            'p90_ms',
            null,
            '90th percentile over all samples of the calls, in ms; null without samples'
        ),
        (
            'p95_ms',
            null,
            '95th percentile over all samples of the calls, in ms; null without samples'
        ),
        (
            'p99_call_p99_ms',
            null,
            '99th percentile of the calls'' own p99, in ms: the tail of the worst calls'
        ),
        (
            'p99_ms',
            null,
            '99th percentile over all samples of the calls, in ms; null without samples'
        ),
        (
            'picked_up_attempts',
            null,
            'attempts that a person picked up: connected, neither voicemail nor IVR'
        ),
        ('pickup_rate', null, 'picked_up_attempts / attempts, 0 to 1'),
        (
            'positive_rate',
            null,
            'Share of sentiment_calls that are Positive, 0 to 1; null without any'
        ),
        ('results', null, 'Invocations whose result came'),
        (
            'role',
            null,
            'Who said it: agent, user, transfer_target, or what the API sent; null in words '
            || 'loaded before this was kept'
        ),
        (
            'samples',
            null,
            'Samples behind the numbers: those that are there, and for calls without any their num '
            || '(1 if unknown)'
        ),
        (
            'sentiment_calls',
            null,
            'connected_calls whose user sentiment is Positive, Neutral or Negative'
        ),
        ('share', 'category', 'Share of the calls of that day and agent that are over, 0 to 1'),
        (
            'silence_rate',
            null,
            'Seconds in which nobody spoke / seconds from first to last word, 0 to 1'
        ),
        (
            'success_rate',
            null,
            'successful_calls / judged_calls, 0 to 1: only connected calls count; null without a '
            || 'verdict, as in v1'
        ),
        (
            'success_rate',
            'judged_invocations',
            'successful_invocations / judged_invocations, 0 to 1; null where no result says, as '
            || 'in v1'
        ),
        ('successful_calls', null, 'judged_calls that reached their goal'),
        ('successful_invocations', null, 'judged_invocations that succeeded'),
        (
            'task_complete_rate',
            null,
            'Share of task_rated_calls rated Complete, 0 to 1; null without a rating'
        ),
        ('task_rated_calls', null, 'connected_calls with an agent_task_completion_rating (v1)'),
        ('transfer_attempts', null, 'connected_calls in which a transfer was tried'),
        (
            'transfer_success_rate',
            null,
            'transferred_calls / transfer_attempts, 0 to 1; null without attempts'
        ),
        (
            'voicemail_rate',
            null,
            'voicemail_calls / connected_calls, 0 to 1; null without connected calls'
        ),
        (
            'node_id',
            null,
            'Id of the node in the conversation flow, by which nodes are told apart; null where not '
            || 'sent'
        ),
        (
            'metric',
            'is_clear',
            'calls; a rate of daily_outcomes (conversation_success_rate: success_rate among '
            || 'conversations); e2e_p50_ms or e2e_p95_ms; cents_per_connected_minute or '
            || 'dead_air_rate'
        ),
        (
            'value',
            'is_clear',
            'Value of the metric, over all calls together; null where nothing says. Its unit is in the '
            || 'name of the metric'
        ),
        (
            'low',
            'is_clear',
            'Lower end of its 95 % interval: Wilson for rates, order statistics for latency; null '
            || 'without one'
        ),
        ('high', 'is_clear', 'Upper end of its 95 % interval; null without one'),
        (
            'count',
            'is_clear',
            'What the value is over: calls, of a rate those in its denominator; samples for latency'
        ),
        ('previous_value', 'is_clear', 'value of what stands before'),
        ('previous_low', 'is_clear', 'low of what stands before'),
        ('previous_high', 'is_clear', 'high of what stands before'),
        ('previous_count', 'is_clear', '"count" of what stands before'),
        ('change', 'is_clear', 'value - previous_value'),
        (
            'is_clear',
            null,
            'Whether the two intervals do not overlap: a difference that chance hardly makes; null '
            || 'where an interval that would tell is not known'
        )
),

view_columns as (
    select
        columns.table_name as view_name,
        columns.column_name,
        columns.column_index,
        columns.comment
    from duckdb_columns() as columns
    inner join duckdb_views() as views
        on columns.table_oid = views.view_oid
        and columns.database_oid = views.database_oid
    where
        not views.internal
        and views.database_name = current_database()
),

beside as (
    select
        view_columns.view_name,
        definitions.column_name,
        definitions.comment
    from definitions
    inner join view_columns
        on definitions.beside = view_columns.column_name
),

general as (
    select
        column_name,
        comment
    from definitions
    where beside is null
),

-- Bookkeeping may use a word of the views for something else.
of_tables as (
    select
        columns.column_name,
        any_value(columns.comment) as comment
    from duckdb_columns() as columns
    inner join duckdb_tables() as tables
        on columns.table_oid = tables.table_oid
        and columns.database_oid = tables.database_oid
    where
        not tables.internal
        and tables.database_name = current_database()
        and not starts_with(tables.table_name, 'etl_')
        and not starts_with(tables.table_name, 'stored_')
        and columns.comment is not null
    group by columns.column_name
    having count(distinct columns.comment) = 1
)

select
    view_columns.view_name,
    view_columns.column_name,
    coalesce(beside.comment, general.comment, of_tables.comment) as comment
from view_columns
left join beside
    on view_columns.view_name = beside.view_name
    and view_columns.column_name = beside.column_name
left join general
    on view_columns.column_name = general.column_name
left join of_tables
    on view_columns.column_name = of_tables.column_name
where
    view_columns.comment is null
    and coalesce(beside.comment, general.comment, of_tables.comment) is not null
order by view_columns.view_name asc nulls last, view_columns.column_index asc nulls last;
