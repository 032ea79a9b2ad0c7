-- The days whose results are stored next: of those that have calls and are not stored the ones that
-- loads have left alone for longest, of one load the newest; days are taken until they have
-- $most_calls calls, and at least one is. They are stored in parts of about $part_calls calls.
-- Grain: day. Source: calls, stored_days. A rerun replaces the temporary table.
-- Parameters: $most_calls, $part_calls: what is gathered, and stored at once, bounds the memory that it
-- takes.
-- A day that is loaded into goes behind all others, so each day has its turn however many are added,
-- and one that every run loads into does not keep the others from theirs. Ids of loads begin with
-- their time.
create or replace temp table gathered_days as
with counted as (
    select
        day,
        count(*) as calls,
        max(load_id) as last_load_id
    from calls
    where day is not null
    group by day
),

added_up as (
    select
        day,
        calls,
        sum(calls) over (
            order by last_load_id asc nulls first, day desc nulls last rows unbounded preceding
        ) - calls as calls_before
    from counted
    where day not in (select day from stored_days)
)

select
    day,
    calls,
    cast(calls_before // $part_calls as integer) as part
from added_up
where calls_before < $most_calls;
