-- Latency percentiles pooled over the turns of all calls of a group, agent by agent.
-- Grain: period × agent_id × metric, for each metric that a call of the period reports.
-- Source: the macro latency_pools, which says how percentiles are pooled.
-- Parameters: group_of, an expression over columns of calls that says which period, or which other
-- group, a call belongs to; chosen, a condition on columns of calls, to pool only some of them.
-- A rerun replaces the macro; it holds no data.
create or replace macro pooled_latency(group_of, chosen := true) as table
select *
from latency_pools(group_of, agent_id, chosen);
