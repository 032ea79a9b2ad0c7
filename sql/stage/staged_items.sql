-- The items of the woven transcript that are not speech, each with the last word spoken before it; and
-- speech that may hold what no column has.
-- Grain: call × item. Source: staged. A rerun replaces the temporary table.
--
-- The woven list may split a turn around an item, so an item's place is found by counting the words
-- before it in the woven list and looking up that word in transcript_object.
create or replace temp table staged_items as
with woven as (
    select
        call_id,
        turn_source = 'transcript_object'
        and woven_source = 'transcript_with_tool_calls' as is_said_twice,
        unnest(woven_items) as woven_item,
        generate_subscripts(woven_items, 1) - 1 as item_index
    from staged
),

read as (
    select
        call_id,
        item_index,
        woven_item.role as role,
        is_speech(role, woven_item.has_words) as is_speech,
        woven_item.item as item,
        woven_item.word_count as word_count,
        case when is_speech and is_said_twice and item is not null then turn_rest(item) end
            as speech_rest
    from woven
),

counted as (
    select
        *,
        coalesce(
            sum(word_count) filter (where is_speech) over (
                partition by call_id
                order by item_index
                rows unbounded preceding
            ),
            0
        ) as words_before
    from read
),

-- Only the number of words of each turn goes on: the words would go along through the window.
turns as (
    select
        call_id,
        unnest(list_transform(transcript_object, lambda turn: len(turn.words))) as word_count,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
),

spans as (
    select
        call_id,
        utterance_index,
        word_count,
        coalesce(
            sum(word_count) over (
                partition by call_id
                order by utterance_index
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as first_word
    from turns
    where word_count > 0
)

select
    counted.call_id,
    counted.item_index,
    counted.item,
    counted.role,
    counted.item ->> '$.tool_call_id' as tool_call_id,
    counted.is_speech,
    counted.speech_rest,
    spans.utterance_index,
    cast(least(counted.words_before - 1 - spans.first_word, spans.word_count - 1) as integer)
        as word_index
from counted
asof left join spans
    on counted.call_id = spans.call_id
    and counted.words_before - 1 >= spans.first_word
where counted.item is not null;
