-- How many calls were going on at once: the peak of every hour.
-- Grain: hour_starts_at of an hour in which a call was going on. Source: calls that are connected.
-- Hours are those of PIPELINE_TIMEZONE: in some zones they begin at half past. The sweep is over
-- times that are shifted by that part of an hour, and told back at its end.
-- A sweep over starts and ends. A call lasts until it ends, or until it was last seen going on. One
-- that ends as another begins is not simultaneous with it; one that seems longer than a day lasts a
-- day.
-- A call whose end is not known, or lies before its start, is left out.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view hourly_concurrency as
with clock as (
    select
        named.zone,
        to_minutes(
            cast(extract('minute' from local_time(timestamp '2025-01-01', named.zone)) as bigint)
        ) as shift
    from (select time_zone() as zone) as named
),

spans as (
    select
        started_at,
        coalesce(
            ended_at,
            started_at + to_milliseconds(duration_ms),
            case when call_status = 'ongoing' then extracted_at end
        ) as ended_at
    from visible_calls() as calls
    where is_connected(call_status, started_at, disconnection_reason)
),

sound_spans as (
    select
        spans.started_at + clock.shift as started_at,
        least(spans.ended_at, spans.started_at + interval 1 day) + clock.shift as ended_at
    from spans
    cross join clock
    where spans.ended_at > spans.started_at
),

-- An hour that begins with calls going on needs an event of its own.
marks as (
    select
        unnest(
            generate_series(
                date_trunc('hour', started_at) + interval 1 hour,
                ended_at - interval 1 microsecond,
                interval 1 hour
            )
        ) as happened_at
    from sound_spans
    where date_trunc('hour', started_at) <> date_trunc('hour', ended_at)
),

happenings as (
    select started_at as happened_at, 1 as change from sound_spans
    union all
    select ended_at, -1 from sound_spans
    union all
    select happened_at, 0 from marks
),

-- Ends come before starts of the same moment. What lasts no time, between two events of a moment,
-- is no state: only the last one of the moment counts.
swept as (
    select
        date_trunc('hour', happened_at) as hour,
        change,
        epoch_us(happened_at) - epoch_us(hour) as since_us,
        cast(sum(change) over in_order as bigint) as simultaneous_calls,
        coalesce(epoch_us(lead(happened_at) over in_order) - epoch_us(happened_at), 0)
            as until_next_us,
        least(until_next_us, 3600000000 - since_us) as lasted_us
    from happenings
    window in_order as (
        order by happened_at asc nulls last, change asc nulls last rows unbounded preceding
    )
),

-- The peak and the first moment that reached it are one number, so that one maximum finds both.
hours as (
    select
        hour,
        max(simultaneous_calls * 4294967296 + 4294967295 - since_us) filter (where lasted_us > 0)
            as peak,
        count(*) filter (where change = 1) as started_calls,
        sum(simultaneous_calls * lasted_us) as call_us
    from swept
    group by hour
)

select
    local_time(hours.hour - clock.shift, clock.zone) as hour,
    hours.hour - clock.shift as hour_starts_at,
    hours.peak >> 32 as peak_calls,
    hours.hour - clock.shift + to_microseconds(4294967295 - (hours.peak & 4294967295)) as peak_at,
    hours.started_calls,
    hours.call_us / 3600e6 as avg_calls
from hours
cross join clock
where hours.call_us > 0;

comment on view hourly_concurrency is 'How many calls were going on at once, hour by hour';
comment on column hourly_concurrency.hour is
    'Hour on the clocks of PIPELINE_TIMEZONE; hours without a call have no row';
comment on column hourly_concurrency.peak_calls is
    'Most connected calls going on at the same moment; an end frees its place at once';
comment on column hourly_concurrency.peak_at is 'When that peak was reached first in the hour, UTC';
comment on column hourly_concurrency.started_calls is 'Connected calls that started in the hour';
comment on column hourly_concurrency.avg_calls is
    'Average number of calls going on: seconds of calls in the hour / 3600';
