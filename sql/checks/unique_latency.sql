-- Every call has at most one row in latency_stats per metric.
-- severity: fail
-- Grain: call × metric that has more. Source: latency_stats. Reads only.
select
    call_id,
    metric,
    count(*) as row_count
from latency_stats
group by call_id, metric
having count(*) > 1
order by call_id asc nulls last, metric asc nulls last;
