-- Every word of the staged payloads with times, and who said it, for the measures of dialogues.
-- Grain: timed word. Source: staged. A rerun selects the same.
-- A word is timed when both times are there, in order and within eleven days of the call's start. One that
-- lasts no time is text that was planned and never spoken: it is in no measure of time.
with turns as (
    select
        call_number,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
),

spoken as (
    select
        call_number,
        utterance_index,
        coalesce(turn.role = 'agent', false) as by_agent,
        coalesce(turn.role = 'user', false) as by_user,
        unnest(turn.words) as spoken_word
    from turns
)

select
    call_number,
    cast(utterance_index as integer) as utterance_index,
    cast(round(spoken_word."start" * 1e6) as bigint) as start_us,
    cast(round(spoken_word."end" * 1e6) as bigint) as end_us,
    by_agent,
    by_user
from spoken
where
    spoken_word."start" >= 0
    and spoken_word."end" > spoken_word."start"
    and spoken_word."end" < 1e6;
