-- How many calls belong to days whose answers are not stored: views compute these.
-- Grain: one row. Source: calls, stored_days. Reads only.
-- Every run asks this. So the days are found first, from the first and the last: where all are stored no call
-- is read, else the calls of some days. Years that no call has are not gone through day by day.
with bounds as (
    select
        min(day) as first_day,
        max(day) as last_day
    from calls
),

days as (
    select
        cast(
            unnest(
                generate_series(
                    greatest(first_day, date '2000-01-01'),
                    least(last_day, date '2099-12-31'),
                    interval 1 day
                )
            ) as date
        ) as day
    from bounds
),

waiting as (
    select day
    from calls
    where day in (select day from days where day not in (select day from stored_days))
    union all
    select day
    from calls
    where
        day < date '2000-01-01'
        and day not in (select day from stored_days)
    union all
    select day
    from calls
    where
        day > date '2099-12-31'
        and day not in (select day from stored_days)
)

select count(*)
from waiting;
