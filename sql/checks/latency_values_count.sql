-- A call that sends its latency values sends as many as the metric's num says.
-- severity: warn
-- Grain: call × metric where it does not. Source: latency_stats, latency_values. Reads only.
-- Fewer values than num make daily_latency fall back to the summary; values of a metric that has no
-- summary at all, whose num shows as null, are left out of it.
with counted as (
    select
        call_id,
        metric,
        count(value_ms) as value_count
    from latency_values
    group by call_id, metric
)

select
    counted.call_id,
    counted.metric,
    latency_stats.num,
    counted.value_count
from counted
left join latency_stats
    on counted.call_id = latency_stats.call_id
    and counted.metric = latency_stats.metric
where
    latency_stats.call_id is null
    or latency_stats.num <> counted.value_count
order by counted.call_id, counted.metric;
