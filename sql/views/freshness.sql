-- How fresh and how sound the warehouse is, in one row.
-- Grain: one row, also in an empty warehouse.
-- Source: calls, call_analysis, call_events, etl_events, etl_outcomes, etl_rejects, etl_runs,
-- etl_reconciliations, etl_checks.
-- Compare the times with now. Checks read most of the warehouse, which takes seconds on 20 million
-- words: so this says what they found when `check` ran last, and check_results asks them now.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view freshness as
with call_times as (
    select
        count(*) as calls,
        max(calls.started_at) as newest_call_at,
        max(calls.extracted_at) as newest_fetch_at,
        count(*) filter (where calls.detail = 'listed') as calls_without_words,
        count(*) filter (where calls.day is null) as calls_without_date,
        count(*) filter (where calls.deleted_at_source_at is not null) as calls_deleted_at_source,
        count(*) filter (where calls.call_status in ('registered', 'ongoing')) as calls_not_over,
        count(*) filter (
            where
                calls.call_status not in ('registered', 'ongoing')
                and call_analysis.call_id is null
        ) as calls_without_analysis
    from calls
    left join call_analysis
        on calls.call_id = call_analysis.call_id
),

arrivals as (
    select
        quantile_cont(seconds, 0.5) as p50_arrival_s,
        quantile_cont(seconds, 0.99) as p99_arrival_s
    from (
        select epoch(call_events.loaded_at - calls.ended_at) as seconds
        from call_events
        inner join calls
            on call_events.call_id = calls.call_id
        where
            call_events.event = 'call_ended'
            and call_events.received_at
            > (select max(received_at) - interval 1 day from call_events)
    )
)

select
    call_times.calls,
    call_times.newest_call_at,
    call_times.newest_fetch_at,
    (select max(finished_at) from etl_runs where status in ('succeeded', 'partial'))
        as last_good_run_at,
    call_times.calls_not_over,
    call_times.calls_without_analysis,
    (select count(*) from etl_outcomes where outcome = 'not_final') as ids_not_final,
    (select count(*) from etl_outcomes where outcome = 'failed') as ids_failed,
    (select count(distinct call_id) from etl_rejects where resolved_at is null) as ids_rejected,
    (
        select count(*)
        from etl_outcomes
        where outcome in ('waiting', 'listed', 'changed', 'failed')
    ) as ids_open,
    call_times.calls_without_words,
    call_times.calls_deleted_at_source,
    (select max(proved_at) from etl_reconciliations) as proved_at,
    (select arg_max(since_at, proved_at) from etl_reconciliations) as proved_since_at,
    (select arg_max(until_at, proved_at) from etl_reconciliations) as proved_until_at,
    (select max(checked_at) from etl_checks) as checked_at,
    (
        select count(*) filter (where severity = 'fail' and offending_rows > 0)
        from etl_checks
        having count(*) > 0
    ) as checks_failing,
    (
        select count(*) filter (where severity = 'warn' and offending_rows > 0)
        from etl_checks
        having count(*) > 0
    ) as checks_warning,
    time_zone() as time_zone,
    call_times.calls_without_date,
    (select max(last_received_at) from etl_events) as newest_event_at,
    arrivals.p50_arrival_s,
    arrivals.p99_arrival_s
from call_times
cross join arrivals;

comment on view freshness is 'How fresh and how sound the warehouse is, in one row';
comment on column freshness.calls is 'Calls in the warehouse';
comment on column freshness.newest_call_at is 'Latest start of a call, UTC; null without one';
comment on column freshness.newest_fetch_at is
    'When a call was last fetched, UTC; null without one';
comment on column freshness.last_good_run_at is
    'When the last run that succeeded or was partial finished, UTC; null without one';
comment on column freshness.calls_not_over is 'Calls that are registered or ongoing';
comment on column freshness.calls_without_analysis is 'Calls that are over and have no analysis';
comment on column freshness.ids_not_final is
    'Ids whose latest outcome is not_final: refresh fetches them again';
comment on column freshness.ids_failed is 'Ids whose latest outcome is failed';
comment on column freshness.ids_rejected is
    'Ids with a payload in quarantine that no later payload settled';
comment on column freshness.ids_open is
    'Ids that are not settled (waiting, listed, changed or failed): sync and refresh ask for them';
comment on column freshness.calls_without_words is
    'Calls of which only the numbers are there yet: views on words, turns and tools miss them';
comment on column freshness.calls_deleted_at_source is
    'Calls that the API does not have any more; PIPELINE_DELETED says whether views show them';
comment on column freshness.proved_at is
    'When `reconcile` last proved that warehouse and account agree, UTC; null before that';
comment on column freshness.proved_since_at is
    'First start of a call that was compared then, UTC';
comment on column freshness.proved_until_at is
    'Last start of a call that was compared then, UTC';
comment on column freshness.checked_at is
    'When `check` ran last, UTC; null before that';
comment on column freshness.checks_failing is
    'Checks marked fail that found an offending row then; null before the first';
comment on column freshness.checks_warning is
    'Checks marked warn that found an offending row then; null before the first';
comment on column freshness.time_zone is
    'Zone of days, weeks and hours in all views: PIPELINE_TIMEZONE of the latest run that named one';
comment on column freshness.calls_without_date is
    'Calls without start and end that no sync saw fresh: their day is null in all views';
comment on column freshness.newest_event_at is
    'When the latest event was received, UTC; null where none ever was';
comment on column freshness.p50_arrival_s is
    'Seconds from the end of a call to its row, median of those that an event told of within the latest day';
comment on column freshness.p99_arrival_s is
    'Seconds from the end of a call to its row, 99th percentile of the same calls';
