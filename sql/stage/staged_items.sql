-- The items of the woven transcripts that are not speech, each with the last turn before it; and speech that may
-- hold what no column has, or that is in no turn.
-- Grain: call × item. Source: staged, placed_turns. A rerun replaces the temporary table.
--
-- The woven list may split a turn around an item, so an item's place is found by counting the words, and the
-- turns without words, before it in the woven list and looking up that word, or turn, in transcript_object.
-- Where one of the lists has turns that the other lacks, placed_turns says where each turn is.
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
        case when is_speech and is_said_twice and item is not null then turn_rest(item) end
            as speech_rest
    from woven
),

counted as (
    select
        read.*,
        coalesce(placed_turns.is_unplaced, false) as is_unplaced,
        read.is_speech and not coalesce(placed_turns.is_unplaced, false) as is_in_turns,
        coalesce(
            max(placed_turns.words_until) filter (where is_in_turns) over up_to_here,
            sum(read.word_count) filter (where is_in_turns) over up_to_here,
            0
        ) as words_before,
        count(*) filter (where is_in_turns and read.word_count = 0) over up_to_here
            as wordless_before
    from read
    left join placed_turns
        on read.call_id = placed_turns.call_id
        and read.item_index = placed_turns.item_index
    window up_to_here as (
        partition by read.call_id
        order by read.item_index asc nulls last
        rows unbounded preceding
    )
),

-- Before the conversation nothing had been said, after it everything.
phases as (
    select
        call_id,
        unnest(
            [
                {'phase': 'pre_session', 'place': 0, 'listed': pre_session, 'said_before': 0},
                {
                    'phase': 'post_session',
                    'place': 2,
                    'listed': post_session,
                    'said_before': 9007199254740992
                }
            ]
        ) as of_phase
    from staged
    where coalesce(pre_session, post_session) is not null
),

items_of_phases as (
    select
        call_id,
        of_phase.phase as phase,
        of_phase.place as phase_place,
        of_phase.listed.source as source,
        unnest(of_phase.listed.items) as item,
        generate_subscripts(of_phase.listed.items, 1) - 1 as item_index,
        of_phase.said_before as words_before,
        of_phase.said_before as wordless_before
    from phases
),

items as (
    select * exclude (word_count, is_in_turns)
    from counted
    where item is not null
    union all by name
    select
        *,
        item ->> '$.role' as role,
        false as is_speech,
        false as is_unplaced
    from items_of_phases
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
    -- Which of the invocations, or of the results, of this id it is, from 1.
    row_number() over (
        partition by items.call_id, items.role, items.item ->> '$.tool_call_id'
        order by items.phase_place asc nulls last, items.item_index asc nulls last
    ) as use_number,
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
