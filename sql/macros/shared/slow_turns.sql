-- The share of turns whose latency lies above each of four thresholds, by day, agent and metric.
-- Grain: day × agent_id × metric × threshold. Source: calls, latency_stats, latency_values.
-- Parameters: four thresholds in ms; chosen, a condition on columns of calls, to count only some of
-- them. A rerun replaces the macro; it holds no data.
-- daily_slow_turns asks it for the usual ones.
-- A call that brings samples is counted sample by sample, however many num says; of another its
-- summary is read as a distribution, and weighs as much as it has samples. So latency_pools does,
-- whose counts of samples and whose methods these are.
create or replace macro slow_turns(
    threshold_1, threshold_2, threshold_3, threshold_4, chosen := true
) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

counted as (
    select
        call_id,
        metric,
        count(*) as sample_count,
        count(*) filter (where value_ms > threshold_1) as above_1,
        count(*) filter (where value_ms > threshold_2) as above_2,
        count(*) filter (where value_ms > threshold_3) as above_3,
        count(*) filter (where value_ms > threshold_4) as above_4
    from latency_values
    where
        isfinite(value_ms)
        and call_id in (select call_id from calls_of_day)
    group by call_id, metric
),

points as (
    select
        call_id,
        metric,
        num,
        min_ms as y0,
        greatest(min_ms, p50_ms) as y50,
        greatest(y50, p90_ms) as y90,
        greatest(y90, p95_ms) as y95,
        greatest(y95, p99_ms) as y99,
        greatest(y99, max_ms) as y100,
        case when p50_ms is null then 0 else 50 end as f50,
        case when p90_ms is null then f50 else 90 end as f90,
        case when p95_ms is null then f90 else 95 end as f95,
        case when p99_ms is null then f95 else 99 end as f99
    from finite_latency_stats()
),

-- A union instead of a full join: a filter on a metric then reaches both tables.
reports as (
    select
        points.*,
        counted.sample_count,
        counted.above_1,
        counted.above_2,
        counted.above_3,
        counted.above_4
    from points
    left join counted
        on points.call_id = counted.call_id
        and points.metric = counted.metric
    union all by name
    select counted.*
    from counted
    anti join points
        on counted.call_id = points.call_id
        and counted.metric = points.metric
),

-- A call without samples, or without any point, weighs nothing.
weighed as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        reports.*,
        coalesce(reports.sample_count > 0, false) as is_counted,
        case
            when is_counted then reports.sample_count
            when reports.y100 is not null then coalesce(reports.num, 1)
            else 0
        end as mass
    from reports
    inner join calls_of_day
        on reports.call_id = calls_of_day.call_id
),

grouped as (
    select
        day,
        agent_id,
        metric,
        count(*) as calls,
        sum(cast(mass as double)) as mass,
        sum(
            case
                when is_counted then above_1
                else mass * share_above(
                    threshold_1, y0, y50, y90, y95, y99, y100, f50, f90, f95, f99
                )
            end
        ) as slow_1,
        sum(
            case
                when is_counted then above_2
                else mass * share_above(
                    threshold_2, y0, y50, y90, y95, y99, y100, f50, f90, f95, f99
                )
            end
        ) as slow_2,
        sum(
            case
                when is_counted then above_3
                else mass * share_above(
                    threshold_3, y0, y50, y90, y95, y99, y100, f50, f90, f95, f99
                )
            end
        ) as slow_3,
        sum(
            case
                when is_counted then above_4
                else mass * share_above(
                    threshold_4, y0, y50, y90, y95, y99, y100, f50, f90, f95, f99
                )
            end
        ) as slow_4,
        case
            when not bool_or(is_counted) then 'summary'
            when bool_or(not is_counted and mass > 0) then 'mixed'
            else 'exact'
        end as method
    from weighed
    group by day, agent_id, metric
),

by_threshold as (
    select
        day,
        agent_id,
        metric,
        calls,
        mass,
        method,
        unnest([
            {'threshold_ms': threshold_1, 'slow': slow_1},
            {'threshold_ms': threshold_2, 'slow': slow_2},
            {'threshold_ms': threshold_3, 'slow': slow_3},
            {'threshold_ms': threshold_4, 'slow': slow_4}
        ], recursive := true)
    from grouped
)

select
    day,
    agent_id,
    metric,
    threshold_ms,
    calls,
    try_cast(mass as bigint) as samples,
    slow / nullif(mass, 0) as slow_rate,
    method
from by_threshold;
