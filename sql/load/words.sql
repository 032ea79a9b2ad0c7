-- Fills words from the staged payloads.
-- Grain: word. Source: staged. A rerun replaces the same rows.
delete from words
where call_id in (select call_id from replaced);

insert into words by name
with turns as (
    select
        call_id,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
),

spoken as (
    select
        call_id,
        utterance_index,
        turn.role as role,
        unnest(turn.words) as spoken_word,
        generate_subscripts(turn.words, 1) - 1 as word_index
    from turns
)

select
    call_id,
    utterance_index,
    word_index,
    spoken_word.* rename ("start" as start_s, "end" as end_s),
    role,
    is_spoken(spoken_word."start", spoken_word."end") as is_spoken
from spoken;
