-- The calls, each with the day it belongs to.
-- Grain: call. Source: calls. Parameter: chosen, a condition on columns of calls, to have only some.
-- A call that never connected has no start; of it first_seen_at stands.
-- A rerun replaces the macro; it holds no data.
create or replace macro calls_of_day(chosen := true) as table
select
    call_id,
    cast(coalesce(started_at, first_seen_at) as date) as day,
    agent_id
from visible_calls() as calls
where chosen;
