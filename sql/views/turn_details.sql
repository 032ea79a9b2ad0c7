-- How every turn came: the pause before it, and whom it interrupts.
-- Grain: turn of agent or user with a timed word. Source: turn_timings, utterances.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view turn_details as
select
    turn_timings.call_id,
    turn_timings.utterance_index,
    turn_timings.role,
    utterances.start_s,
    utterances.end_s,
    turn_timings.talk_ms,
    turn_timings.response_gap_ms,
    turn_timings.overlap_ms,
    turn_timings.overlap_ms > 0 as is_interruption,
    utterances.word_count,
    utterances.content
from turn_timings
inner join utterances
    on turn_timings.call_id = utterances.call_id
    and turn_timings.utterance_index = utterances.utterance_index
anti join hidden_calls() as hidden
    on turn_timings.call_id = hidden.hidden_call_id;

comment on view turn_details is 'How every turn came: the pause before it, and whom it interrupts';
comment on column turn_details.utterance_index is 'Position of the turn in the transcript, from 0';
comment on column turn_details.role is 'agent or user';
comment on column turn_details.start_s is 'Start of its first timed word, in seconds of call audio';
comment on column turn_details.end_s is 'End of its last timed word, in seconds of call audio';
comment on column turn_details.is_interruption is
    'Whether it overlaps a turn of the other party that began before it';
