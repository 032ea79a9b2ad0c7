-- The share of turns whose latency lies above 800, 1500, 2000 and 3000 ms.
-- Grain: day × agent_id × metric × threshold_ms.
-- Source: the macro slow_turns, which takes other thresholds.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_slow_turns reads it.
create or replace macro slow_turns_by_day(chosen := true) as table
select *
from slow_turns(800, 1500, 2000, 3000, chosen := chosen);
