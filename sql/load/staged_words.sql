-- The words of the staged payloads, each with its place, its speaker and its times.
-- Grain: word. Source: staged. A rerun replaces the temporary table.
-- A call is numbered by its row in staged, because numbers sort faster than ids.
--
-- A word is timed when both times are there, in order and within eleven days of the call's start;
-- then they are also kept as whole microseconds, which add up the same in any order.
create or replace temp table staged_words as
with turns as (
    select
        rowid as call_number,
        call_id,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
),

spoken as (
    select
        call_number,
        call_id,
        utterance_index,
        turn.role as role,
        unnest(turn.words) as spoken_word,
        generate_subscripts(turn.words, 1) - 1 as word_index
    from turns
)

select
    call_number,
    call_id,
    utterance_index,
    word_index,
    case when role in ('agent', 'user') then role else 'other' end as party,
    spoken_word.word as word,
    spoken_word."start" as start_s,
    spoken_word."end" as end_s,
    coalesce(start_s >= 0 and end_s >= start_s and end_s < 1e6, false) as is_timed,
    case when is_timed then cast(round(start_s * 1e6) as bigint) end as start_us,
    case when is_timed then cast(round(end_s * 1e6) as bigint) end as end_us
from spoken;
