-- Latency percentiles of each day, agent and metric, pooled over turns.
-- Grain: day × agent_id × metric, for each metric that a call of the day reports.
-- Source: the macro pooled_latency, which says how percentiles are pooled.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_latency reads it.
create or replace macro latency_by_day(chosen := true) as table
select * rename (period as day)
from pooled_latency(day, chosen := chosen);
