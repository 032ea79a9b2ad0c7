-- The latency samples of the days whose results are stored now, under the name of the table.
-- Grain: call × metric × sample. Source: latency_values, calls, refreshed_days.
-- A temporary table comes before another of its name. So while this one is there, in the connection that
-- stores results, the macros of latency find here what they would look for three times among all samples.
-- They choose the same days themselves: without it they are slower and answer the same.
-- A rerun would keep what the first run chose: each connection stores one set of days.
create temp table latency_values as
select *
from latency_values
where
    call_id in (
        select call_id
        from calls
        where cast(coalesce(started_at, first_seen_at) as date) in (select day from refreshed_days)
    );
