-- When every turn came: after which pause, and over how much of the other party's talk.
-- Grain: turn of agent or user with a timed word. Source: staged, measured_turns.
-- A rerun replaces the temporary table.
create or replace temp table staged_turns as
select
    staged.call_id,
    measured_turns.utterance_index,
    if(measured_turns.by_agent, 'agent', 'user') as role,
    measured_turns.talk_us,
    nullif(measured_turns.response_gap_us, -1) as response_gap_us,
    measured_turns.overlap_us
from measured_turns
inner join staged
    on measured_turns.call_number = staged.call_number;
