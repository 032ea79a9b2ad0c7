-- Every timed word with what was heard before it: the one pass that all measures of a dialogue share.
-- Grain: timed word. Source: staged. A rerun replaces the temporary table.
-- A call is numbered by its row in staged, because numbers sort faster than ids.
--
-- A word is timed when both times are there, in order and within eleven days of the call's start. Times
-- are whole microseconds, which add up the same in any order.
--
-- Words are swept in the order in which they start, and of the transcript where they start together.
-- The latest end so far, of everybody and of each party, says what of a word is new: so sums over words
-- are lengths of unions of intervals, and nothing is counted twice where words overlap. An end is kept
-- together with the turn it belongs to, in one number, so that the turn comes with the maximum; where
-- two end together it is the later turn.
--
-- All calls are swept in one stream: windows without partition and order look at each row once, where
-- those with them cost several times as much. So the call stands before the end in that number, and
-- what is from a call before counts as nothing heard.
--
-- heard_us, heard_turn, heard_party     the latest end before the word, and whose; null at the first
-- talk_us                               what the word adds to its party's talk
-- overlap_us, interrupting_turn         what of that lies over the other party's talk; of two turns
--                                       that overlap, the later one in the transcript interrupts
-- position                              numbers the words as they are swept
-- run                                   numbers the stretches in which only this party spoke
create or replace temp table staged_speech as
with turns as (
    select
        rowid as call_number,
        unnest(transcript_object) as turn,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
),

spoken as (
    select
        call_number,
        cast(utterance_index as integer) as utterance_index,
        cast(
            case when turn.role in ('agent', 'user') then turn.role else 'other' end
            as enum('agent', 'user', 'other')
        ) as party,
        unnest(turn.words) as spoken_word,
        cast(generate_subscripts(turn.words, 1) - 1 as integer) as word_index
    from turns
),

timed as (
    select
        call_number,
        utterance_index,
        word_index,
        party,
        cast(round(spoken_word."start" * 1e6) as bigint) as start_us,
        cast(round(spoken_word."end" * 1e6) as bigint) as end_us
    from spoken
    where
        spoken_word."start" >= 0
        and spoken_word."end" >= spoken_word."start"
        and spoken_word."end" < 1e6
),

sorted as (
    select *
    from timed
    order by call_number, start_us, utterance_index, word_index
),

-- 2^63 is above every end with its turn: eleven days of microseconds times 2^20.
numbered as (
    select
        * exclude (word_index),
        end_us * 1048576 + utterance_index + call_number * 9223372036854775808::hugeint
            as end_and_turn
    from sorted
),

swept as (
    select
        * exclude (end_and_turn),
        row_number() over () as position,
        max(end_and_turn) over so_far as latest,
        max(case when party = 'agent' then end_and_turn end) over so_far as agent_latest,
        max(case when party = 'user' then end_and_turn end) over so_far as user_latest,
        count(case when party <> 'agent' then 1 end) over so_far as not_agent_count,
        count(case when party <> 'user' then 1 end) over so_far as not_user_count
    from numbered
    window so_far as (rows between unbounded preceding and current row)
),

before as (
    select
        * exclude (latest, agent_latest, user_latest),
        lag(latest) over () as latest,
        lag(agent_latest) over () as agent_latest,
        lag(user_latest) over () as user_latest,
        call_number * 9223372036854775808::hugeint as call_begins
    from swept
),

heard as (
    select
        * exclude (latest, agent_latest, user_latest, call_begins),
        case when latest >= call_begins then cast(latest - call_begins as bigint) end as heard,
        case when agent_latest >= call_begins then cast(agent_latest - call_begins as bigint) end
            as agent_heard,
        case when user_latest >= call_begins then cast(user_latest - call_begins as bigint) end
            as user_heard
    from before
),

sided as (
    select
        *,
        case party when 'agent' then agent_heard when 'user' then user_heard end as own_heard,
        case party when 'agent' then user_heard when 'user' then agent_heard end as other_heard,
        greatest(start_us, own_heard >> 20) as new_from_us
    from heard
)

-- In types that are as narrow as may be: these rows are most of what a load keeps in memory.
select
    call_number,
    utterance_index,
    party,
    start_us,
    end_us,
    cast(position as integer) as position,
    heard >> 20 as heard_us,
    cast(heard & 1048575 as integer) as heard_turn,
    cast(
        case
            when heard = agent_heard then 'agent'
            when heard = user_heard then 'user'
            when heard is not null then 'other'
        end as enum('agent', 'user', 'other')
    ) as heard_party,
    case when party <> 'other' then greatest(end_us - new_from_us, 0) end as talk_us,
    if(other_heard is null, 0, greatest(least(end_us, other_heard >> 20) - new_from_us, 0)) as overlap_us,
    cast(greatest(utterance_index, other_heard & 1048575) as integer) as interrupting_turn,
    cast(case party when 'agent' then not_agent_count when 'user' then not_user_count end as integer)
        as run
from sided;
