-- Latency percentiles of each hour, agent and metric, pooled over turns.
-- Grain: hour × agent_id × metric, for each metric that a call of the hour reports.
-- Source: the macro pooled_latency, which says how percentiles are pooled.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. hourly_latency reads it.
create or replace macro latency_by_hour(chosen := true) as table
select * rename (period as hour)
from pooled_latency(date_trunc('hour', coalesce(started_at, first_seen_at)), chosen := chosen);
