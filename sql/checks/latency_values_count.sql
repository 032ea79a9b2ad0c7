-- A call that sends its latency values sends as many as the metric's num says.
-- severity: warn
-- Grain: call × metric where it does not. Source: latency_stats, latency_values. Reads only.
-- Views take the values that are there. Values of a metric that has no summary show num as null.
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
order by counted.call_id asc nulls last, counted.metric asc nulls last;
