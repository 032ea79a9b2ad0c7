-- Fills turn_timings from the staged payloads.
-- Grain: turn of agent or user with a timed word. Source: staged_turns. A rerun replaces the same rows.
delete from turn_timings
where call_id in (select call_id from replaced);

insert into turn_timings by name
select
    call_id,
    utterance_index,
    role,
    talk_us / 1000.0 as talk_ms,
    response_gap_us / 1000.0 as response_gap_ms,
    overlap_us / 1000.0 as overlap_ms
from staged_turns;
