-- When every turn came: after which pause, and over how much of the other party's talk.
-- Grain: turn of agent or user with a timed word. Source: staged, staged_speech.
-- A rerun replaces the temporary table.
create or replace temp table staged_turns as
-- A gap follows the other party only: not oneself, and not somebody who is still speaking.
-- No gap is -1 until the first word of the turn is found, because arg_min passes over nulls.
with turns as (
    select
        call_number,
        utterance_index,
        any_value(party) as role,
        sum(talk_us) as talk_us,
        arg_min(
            case
                when heard_party <> party and heard_party <> 'other' and start_us >= heard_us
                    then start_us - heard_us
                else -1
            end,
            position
        ) as response_gap_us
    from staged_speech
    where party <> 'other'
    group by call_number, utterance_index
),

interruptions as (
    select
        call_number,
        interrupting_turn,
        sum(overlap_us) as overlap_us
    from staged_speech
    where overlap_us > 0
    group by call_number, interrupting_turn
)

select
    turns.call_number,
    staged.call_id,
    turns.utterance_index,
    turns.role,
    turns.talk_us,
    nullif(turns.response_gap_us, -1) as response_gap_us,
    coalesce(interruptions.overlap_us, 0) as overlap_us
from turns
inner join staged
    on turns.call_number = staged.rowid
left join interruptions
    on turns.call_number = interruptions.call_number
    and turns.utterance_index = interruptions.interrupting_turn;
