-- End-to-end latency of the latest days that have any.
-- Grain: day × agent. Source: daily_latency. Reads only. Parameter: $days, how many days.
with latest_days as (
    select distinct day
    from daily_latency
    where metric = 'e2e'
    order by day desc nulls last
    limit $days
)

select
    day,
    agent_id,
    calls,
    samples,
    p50_ms,
    p99_ms,
    method
from daily_latency
where
    metric = 'e2e'
    and day in (select day from latest_days)
order by
    day asc nulls last,
    agent_id asc nulls last;
