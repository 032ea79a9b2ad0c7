-- What the speech of every staged call comes to.
-- Grain: call with a turn. Source: staged, staged_speech, staged_turns, staged_items.
-- A rerun replaces the temporary table.
create or replace temp table staged_conversations as
with turns as (
    select
        rowid as call_number,
        call_id,
        unnest(transcript_object) as turn
    from staged
),

counts as (
    select
        call_number,
        any_value(call_id) as call_id,
        count(*) filter (where turn.role = 'agent') as agent_turn_count,
        count(*) filter (where turn.role = 'user') as user_turn_count,
        count(*) - agent_turn_count - user_turn_count as other_turn_count,
        coalesce(sum(len(turn.words)), 0) as word_count,
        coalesce(sum(len(turn.words)) filter (where turn.role = 'agent'), 0) as agent_word_count,
        coalesce(sum(len(turn.words)) filter (where turn.role = 'user'), 0) as user_word_count
    from turns
    group by call_number
),

talk as (
    select
        call_number,
        min(start_us) as first_word_us,
        max(end_us) as last_word_us,
        count(*) filter (where party = 'agent') as agent_timed_count,
        count(*) filter (where party = 'user') as user_timed_count,
        min(start_us) filter (where party = 'agent') as agent_first_word_us,
        sum(talk_us) filter (where party = 'agent') as agent_talk_us,
        sum(talk_us) filter (where party = 'user') as user_talk_us,
        sum(overlap_us) as overlap_us
    from staged_speech
    where party <> 'other'
    group by call_number
),

-- While a tool runs, the agent holds its turn.
tool_turns as (
    select distinct
        staged.rowid as call_number,
        staged_items.utterance_index
    from staged_items
    inner join staged
        on staged_items.call_id = staged.call_id
    where
        staged_items.role = 'tool_call_invocation'
        and staged_items.utterance_index is not null
),

-- Whoever spoke goes on within a turn, and answers after the other's; after a turn of one's own that
-- nobody answered it was the other's turn. What another role says is heard, but is nobody's turn.
silences as (
    select
        staged_speech.call_number,
        staged_speech.start_us - staged_speech.heard_us as silence_us,
        case
            when 'other' in (staged_speech.party, staged_speech.heard_party) then 'other'
            when staged_speech.party <> staged_speech.heard_party then staged_speech.party
            when staged_speech.utterance_index = staged_speech.heard_turn then staged_speech.party
            when staged_speech.party = 'user' then 'agent'
            when tool_turns.utterance_index is not null then 'agent'
            else 'user'
        end as turn_of
    from staged_speech
    inner join talk
        on staged_speech.call_number = talk.call_number
    left join tool_turns
        on staged_speech.call_number = tool_turns.call_number
        and staged_speech.heard_turn = tool_turns.utterance_index
    where
        staged_speech.start_us > staged_speech.heard_us
        and staged_speech.start_us <= talk.last_word_us
        and staged_speech.heard_us >= talk.first_word_us
),

silence as (
    select
        call_number,
        sum(silence_us) as silence_us,
        max(silence_us) as longest_silence_us,
        sum(silence_us) filter (where silence_us > 2000000) as long_silence_us,
        sum(silence_us) filter (where silence_us > 5000000) as dead_air_us,
        count(*) filter (where silence_us > 2000000) as long_silence_count,
        count(*) filter (where silence_us > 5000000) as dead_air_count,
        sum(silence_us) filter (where turn_of = 'agent') as agent_silence_us,
        sum(silence_us) filter (where turn_of = 'user') as user_silence_us
    from silences
    group by call_number
),

runs as (
    select
        call_number,
        party,
        max(end_us) - min(start_us) as run_us
    from staged_speech
    where party <> 'other'
    group by call_number, party, run
),

monologues as (
    select
        call_number,
        max(run_us) filter (where party = 'agent') as agent_monologue_us,
        max(run_us) filter (where party = 'user') as user_monologue_us
    from runs
    group by call_number
),

exchanges as (
    select
        call_number,
        count(response_gap_us) filter (where role = 'agent') as agent_response_count,
        count(response_gap_us) filter (where role = 'user') as user_response_count,
        quantile_cont(response_gap_us, [0.5, 0.95]) filter (where role = 'agent') as agent_gaps_us,
        quantile_cont(response_gap_us, [0.5, 0.95]) filter (where role = 'user') as user_gaps_us,
        count(*) filter (where role = 'agent' and overlap_us > 0) as agent_interruption_count,
        count(*) filter (where role = 'user' and overlap_us > 0) as user_interruption_count,
        sum(overlap_us) filter (where role = 'agent') as agent_interruption_us,
        sum(overlap_us) filter (where role = 'user') as user_interruption_us
    from staged_turns
    group by call_number
)

-- Without a timed word nothing is known of times. A party that said nothing talked for 0 seconds; one
-- whose words are all untimed talked for who knows how long.
select
    counts.call_id,
    counts.agent_turn_count,
    counts.user_turn_count,
    counts.other_turn_count,
    counts.agent_word_count,
    counts.user_word_count,
    counts.word_count - counts.agent_word_count - counts.user_word_count as other_word_count,
    counts.agent_word_count - coalesce(talk.agent_timed_count, 0) as agent_untimed_word_count,
    counts.user_word_count - coalesce(talk.user_timed_count, 0) as user_untimed_word_count,
    talk.first_word_us / 1e6 as first_word_s,
    talk.last_word_us / 1e6 as last_word_s,
    talk.agent_first_word_us / 1e6 as agent_first_word_s,
    case
        when talk.agent_talk_us is null and counts.agent_word_count > 0 then null
        when talk.call_number is not null then coalesce(talk.agent_talk_us, 0) / 1e6
    end as agent_talk_s,
    case
        when talk.user_talk_us is null and counts.user_word_count > 0 then null
        when talk.call_number is not null then coalesce(talk.user_talk_us, 0) / 1e6
    end as user_talk_s,
    talk.overlap_us / 1e6 as overlap_s,
    if(talk.call_number is not null, coalesce(silence.silence_us, 0), null) / 1e6 as silence_s,
    if(talk.call_number is not null, coalesce(silence.longest_silence_us, 0), null) / 1e6
        as longest_silence_s,
    if(talk.call_number is not null, coalesce(silence.long_silence_us, 0), null) / 1e6
        as long_silence_s,
    if(talk.call_number is not null, coalesce(silence.long_silence_count, 0), null)
        as long_silence_count,
    if(talk.call_number is not null, coalesce(silence.dead_air_us, 0), null) / 1e6 as dead_air_s,
    if(talk.call_number is not null, coalesce(silence.dead_air_count, 0), null) as dead_air_count,
    if(talk.call_number is not null, coalesce(silence.agent_silence_us, 0), null) / 1e6
        as agent_silence_s,
    if(talk.call_number is not null, coalesce(silence.user_silence_us, 0), null) / 1e6
        as user_silence_s,
    exchanges.agent_response_count,
    exchanges.agent_gaps_us[1] / 1000.0 as agent_response_p50_ms,
    exchanges.agent_gaps_us[2] / 1000.0 as agent_response_p95_ms,
    exchanges.user_response_count,
    exchanges.user_gaps_us[1] / 1000.0 as user_response_p50_ms,
    exchanges.user_gaps_us[2] / 1000.0 as user_response_p95_ms,
    exchanges.agent_interruption_count,
    if(talk.call_number is not null, coalesce(exchanges.agent_interruption_us, 0), null) / 1000.0
        as agent_interruption_ms,
    exchanges.user_interruption_count,
    if(talk.call_number is not null, coalesce(exchanges.user_interruption_us, 0), null) / 1000.0
        as user_interruption_ms,
    monologues.agent_monologue_us / 1e6 as agent_longest_monologue_s,
    monologues.user_monologue_us / 1e6 as user_longest_monologue_s
from counts
left join talk
    on counts.call_number = talk.call_number
left join silence
    on counts.call_number = silence.call_number
left join exchanges
    on counts.call_number = exchanges.call_number
left join monologues
    on counts.call_number = monologues.call_number;
