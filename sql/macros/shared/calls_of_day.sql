-- The calls, each with the day it belongs to.
-- Grain: call. Source: calls. Parameter: chosen, a condition on columns of calls, to have only some.
-- A call whose date is unknown has no day: it is in a group of its own.
-- A rerun replaces the macro; it holds no data.
create or replace macro calls_of_day(chosen := true) as table
select
    call_id,
    day,
    agent_id
from visible_calls() as calls
where chosen;
