-- Where the turns of a woven transcript stand in transcript_object, of calls whose two lists differ: one has
-- turns that the other lacks.
-- Grain: call × spoken item of the woven list. Source: staged. A rerun replaces the temporary table.
--
-- A turn is the one whose first word was said at the same time. One for whose first word there is none is in
-- the woven list alone. Where nothing has times, of turns that say the same the surplus ones are.
create or replace temp table placed_turns as
with woven as (
    select
        call_id,
        unnest(woven_items) as woven_item,
        generate_subscripts(woven_items, 1) - 1 as item_index
    from staged
    where is_uneven
),

woven_turns as (
    select
        call_id,
        item_index,
        woven_item.role as role,
        woven_item.word_count as word_count,
        spoken_text(woven_item.item ->> '$.content') as said,
        spoken_text(woven_item.item ->> '$.words[0].word') as first_word,
        try_cast(woven_item.item ->> '$.words[0].start' as double) as begins_s
    from woven
    where is_speech(woven_item.role, woven_item.has_words)
),

turns as (
    select
        call_id,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) as turn_number
    from staged
    where is_uneven
),

words as (
    select
        call_id,
        turn.role as role,
        unnest(turn.words) as turn_word,
        turn_number,
        generate_subscripts(turn.words, 1) as number_in_turn
    from turns
),

-- By their places among all words of the call, from 1.
numbered_words as (
    select
        call_id,
        role,
        spoken_text(turn_word.word) as word,
        turn_word."start" as begins_s,
        row_number() over (
            partition by call_id
            order by turn_number asc nulls last, number_in_turn asc nulls last
        ) as word_number
    from words
),

first_words as (
    select
        woven_turns.*,
        min(numbered_words.word_number) as first_word_number
    from woven_turns
    left join numbered_words
        on woven_turns.call_id = numbered_words.call_id
        and woven_turns.role is not distinct from numbered_words.role
        and woven_turns.begins_s = numbered_words.begins_s
        and woven_turns.first_word = numbered_words.word
    group by all
),

-- Where no time at all is in both transcripts, they run on different clocks.
compared as (
    select
        *,
        begins_s is not null
        and count(first_word_number) over (partition by call_id) > 0 as has_times,
        row_number() over (
            partition by call_id, role, said
            order by first_word_number asc nulls last, item_index asc nulls last
        ) as occurrence
    from first_words
)

select
    compared.call_id,
    compared.item_index,
    compared.first_word_number - 1 + compared.word_count as words_until,
    if(
        compared.has_times,
        compared.first_word_number is null,
        compared.said != '' and count(turns.call_id) < compared.occurrence
    ) as is_unplaced
from compared
left join turns
    on compared.call_id = turns.call_id
    and compared.role is not distinct from turns.turn.role
    and contains(spoken_text(turns.turn.content), compared.said)
group by
    compared.call_id,
    compared.item_index,
    compared.word_count,
    compared.first_word_number,
    compared.has_times,
    compared.said,
    compared.occurrence;
