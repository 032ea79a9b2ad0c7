-- The days whose results are stored next: of those that have calls and are not stored the oldest,
-- as many as have $most_calls calls, and at least one.
-- Grain: day. Source: calls, stored_days. A rerun replaces the temporary table.
-- Parameter: $most_calls: what is stored at once bounds the memory that it takes.
create or replace temp table refreshed_days as
with counted as (
    select
        cast(coalesce(started_at, first_seen_at) as date) as day,
        count(*) as calls
    from calls
    group by day
),

added_up as (
    select
        day,
        sum(calls) over (order by day rows unbounded preceding) - calls as calls_before
    from counted
    where day not in (select day from stored_days)
)

select day
from added_up
where calls_before < $most_calls;
