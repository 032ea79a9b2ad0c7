-- How many events and calls have arrived.
-- Grain: one row. Source: etl_events, calls, call_analysis. Reads only.
select
    (select coalesce(sum(event_count), 0)::bigint from etl_events) as events,
    (select count(*) from calls) as calls,
    (select count(*) from call_analysis) as final_calls;
