-- Latency percentiles of each hour, agent and metric, pooled over turns.
-- Grain: hour_starts_at × agent_id × metric, for each metric that a call of the hour reports.
-- Source: the macro pooled_latency, which says how percentiles are pooled.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. hourly_latency reads it.
create or replace macro latency_by_hour(chosen := true) as table
select
    period['hour'] as hour,
    period['starts_at'] as hour_starts_at,
    * exclude (period)
from pooled_latency(
    {
        'hour': date_trunc('hour', local_at),
        'starts_at': dated_at - (local_at - date_trunc('hour', local_at))
    },
    chosen := chosen
);
