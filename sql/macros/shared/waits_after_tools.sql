-- How long nobody spoke after each invocation of a tool that has a time.
-- Grain: invocation during the conversation whose invoked_at_s is known.
-- Source: tool_calls, utterances, words, calls.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data.
--
-- dead_air_s  Seconds from the invocation, or from the end of the word then spoken, to the next word
--             of anybody, where they are more than 5; else null, and null where no word follows.
--
-- The next word begins the next turn, or stands in a turn that is being spoken: only of such turns the
-- words are read. Words that were never spoken end no silence.
-- Beside a null, least and greatest answer with the other value.
create or replace macro waits_after_tools(chosen := true) as table
with timed as (
    select
        tool_calls.call_id,
        tool_calls.tool_call_index,
        tool_calls.invoked_at_s
    from tool_calls
    inner join calls_of_day(chosen := chosen) as calls
        on tool_calls.call_id = calls.call_id
    where
        tool_calls.invoked_at_s is not null
        and tool_calls.phase = 'session'
),

-- The turns that end after the invocation: some were being spoken then, the others came later.
turns_after as materialized (
    select
        timed.call_id,
        timed.tool_call_index,
        timed.invoked_at_s,
        utterances.utterance_index,
        utterances.start_s
    from timed
    inner join utterances
        on timed.call_id = utterances.call_id
        and timed.invoked_at_s < utterances.end_s
),

next_turns as (
    select
        call_id,
        tool_call_index,
        min(start_s) as next_turn_s
    from turns_after
    where start_s > invoked_at_s
    group by call_id, tool_call_index
),

next_words as (
    select
        turns.call_id,
        turns.tool_call_index,
        min(words.start_s) filter (where words.start_s > turns.invoked_at_s) as next_word_s,
        max(words.end_s) filter (where words.start_s <= turns.invoked_at_s) as spoken_until_s
    from turns_after as turns
    inner join words
        on turns.call_id = words.call_id
        and turns.utterance_index = words.utterance_index
    where
        turns.start_s <= turns.invoked_at_s
        and words.start_s is not null
        and coalesce(words.is_spoken, words.end_s > words.start_s, true)
    group by turns.call_id, turns.tool_call_index
),

silences as (
    select
        timed.call_id,
        timed.tool_call_index,
        round(
            least(next_turns.next_turn_s, next_words.next_word_s)
            - greatest(timed.invoked_at_s, next_words.spoken_until_s),
            3
        ) as silence_s
    from timed
    left join next_turns
        on timed.call_id = next_turns.call_id
        and timed.tool_call_index = next_turns.tool_call_index
    left join next_words
        on timed.call_id = next_words.call_id
        and timed.tool_call_index = next_words.tool_call_index
)

select
    call_id,
    tool_call_index,
    case when silence_s > 5 then silence_s end as dead_air_s
from silences;
