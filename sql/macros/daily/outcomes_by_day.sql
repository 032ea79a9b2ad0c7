-- What became of the calls of each day and agent.
-- Grain: day × agent_id. Source: the macro rated_outcomes.
-- Every rate stands beside the counts it is made of, and is null where its denominator is 0.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_outcomes reads it.
create or replace macro outcomes_by_day(chosen := true) as table
select * exclude (agent_version) rename (period as day)
from rated_outcomes(day, null, chosen := chosen);
