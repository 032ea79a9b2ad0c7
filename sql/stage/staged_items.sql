-- The items of the woven transcripts that are not speech, each with the last turn before it; and speech that may
-- hold what no column has, or that is in no turn.
-- Grain: call × item. Source: staged. A rerun replaces the temporary table.
--
-- The woven list may split a turn around an item, so an item's place is found by counting the words, and the
-- turns without words, before it in the woven list and looking up that word, or turn, in transcript_object.
-- Where one of the lists has turns that the other lacks, words are looked up by their times, if they have any.
-- What was woven before or after the conversation has a list of its own: whatever is in it is an item.
create or replace temp table staged_items as
with woven as (
    select
        call_id,
        'session' as phase,
        1 as phase_place,
        woven_source as source,
        turn_source = 'transcript_object'
        and woven_source = 'transcript_with_tool_calls' as is_said_twice,
        is_uneven,
        unnest(woven_items) as woven_item,
        generate_subscripts(woven_items, 1) - 1 as item_index
    from staged
),

read as (
    select
        call_id,
        phase,
        phase_place,
        source,
        item_index,
        woven_item.role as role,
        is_speech(role, woven_item.has_words) as is_speech,
        woven_item.item as item,
        woven_item.word_count as word_count,
        is_said_twice and is_uneven and is_speech and item is not null as is_unsure,
        case when is_speech and is_said_twice and item is not null then turn_rest(item) end
            as speech_rest
    from woven
),

-- Turns that are in one transcript alone: those whose first word no turn has at that time; and where nothing
-- has times, of those that say the same the surplus ones.
unsure as (
    select
        call_id,
        item_index,
        role,
        word_count,
        spoken_text(item ->> '$.content') as said,
        spoken_text(item ->> '$.words[0].word') as word,
        try_cast(item ->> '$.words[0].start' as double) as begins_s
    from read
    where is_unsure
),

texts as (
    select
        call_id,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) as turn_number
    from staged
    where is_uneven
),

-- Every word of these turns by its place among all words of the call, from 1.
heard as (
    select
        call_id,
        turn.role as role,
        unnest(turn.words) as heard_word,
        turn_number,
        generate_subscripts(turn.words, 1) as number_in_turn
    from texts
),

begun as (
    select
        call_id,
        role,
        spoken_text(heard_word.word) as word,
        heard_word."start" as begins_s,
        row_number() over (
            partition by call_id
            order by turn_number asc nulls last, number_in_turn asc nulls last
        ) as word_number
    from heard
),

met as (
    select
        unsure.*,
        min(begun.word_number) as first_word_number
    from unsure
    left join begun
        on unsure.call_id = begun.call_id
        and unsure.role is not distinct from begun.role
        and unsure.begins_s = begun.begins_s
        and unsure.word = begun.word
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
    from met
),

placed as (
    select
        compared.call_id,
        compared.item_index,
        compared.first_word_number - 1 + compared.word_count as words_until,
        if(
            compared.has_times,
            compared.first_word_number is null,
            compared.said != '' and count(texts.call_id) < compared.occurrence
        ) as is_unplaced
    from compared
    left join texts
        on compared.call_id = texts.call_id
        and compared.role is not distinct from texts.turn.role
        and contains(spoken_text(texts.turn.content), compared.said)
    group by
        compared.call_id,
        compared.item_index,
        compared.word_count,
        compared.first_word_number,
        compared.has_times,
        compared.said,
        compared.occurrence
),

counted as (
    select
        read.*,
        coalesce(placed.is_unplaced, false) as is_unplaced,
        read.is_speech and not coalesce(placed.is_unplaced, false) as is_in_turns,
        coalesce(
            max(placed.words_until) filter (where is_in_turns) over up_to_here,
            sum(read.word_count) filter (where is_in_turns) over up_to_here,
            0
        ) as words_before,
        count(*) filter (where is_in_turns and read.word_count = 0) over up_to_here
            as wordless_before
    from read
    left join placed
        on read.call_id = placed.call_id
        and read.item_index = placed.item_index
    window up_to_here as (
        partition by read.call_id
        order by read.item_index asc nulls last
        rows unbounded preceding
    )
),

beside as (
    select
        call_id,
        'pre_session' as phase,
        0 as phase_place,
        pre_session.source as source,
        unnest(pre_session.items) as item,
        generate_subscripts(pre_session.items, 1) - 1 as item_index,
        0 as words_before,
        0 as wordless_before
    from staged
    where pre_session is not null
    union all by name
    select
        call_id,
        'post_session' as phase,
        2 as phase_place,
        post_session.source as source,
        unnest(post_session.items) as item,
        generate_subscripts(post_session.items, 1) - 1 as item_index,
        -- After all that was said.
        9007199254740992 as words_before,
        9007199254740992 as wordless_before
    from staged
    where post_session is not null
),

items as (
    select * exclude (word_count, is_unsure, is_in_turns)
    from counted
    where item is not null
    union all by name
    select
        *,
        item ->> '$.role' as role,
        false as is_speech,
        false as is_unplaced
    from beside
),

-- Only the number of words of each turn goes on: the words would go along through the window.
turns as (
    select
        call_id,
        unnest(
            list_transform(transcript_object, lambda turn: coalesce(len(turn.words), 0))
        ) as word_count,
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
                order by utterance_index asc nulls last
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as first_word,
        count(*) filter (where word_count = 0) over (
            partition by call_id
            order by utterance_index asc nulls last
            rows unbounded preceding
        ) as wordless_number
    from turns
)

select
    items.call_id,
    items.phase,
    items.phase_place,
    items.source,
    items.item_index,
    items.item,
    items.role,
    items.item ->> '$.tool_call_id' as tool_call_id,
    try_cast(items.item ->> '$.time_sec' as double) as at_s,
    items.is_speech,
    items.speech_rest,
    items.is_unplaced,
    if(
        spans.utterance_index > coalesce(wordless.utterance_index, -1),
        spans.utterance_index,
        wordless.utterance_index
    ) as utterance_index,
    spans.utterance_index as worded_utterance_index,
    case
        when spans.utterance_index > coalesce(wordless.utterance_index, -1)
            then cast(
                least(items.words_before - 1 - spans.first_word, spans.word_count - 1) as integer
            )
    end as word_index
from items
asof left join (from spans where spans.word_count > 0) as spans
    on items.call_id = spans.call_id
    and items.words_before - 1 >= spans.first_word
asof left join (from spans where spans.word_count = 0) as wordless
    on items.call_id = wordless.call_id
    and items.wordless_before >= wordless.wordless_number;
