-- What the speech of every staged call comes to.
-- Grain: call with a turn. Source: staged, staged_turns, measured_calls. A rerun replaces the temporary table.
create or replace temp table staged_conversations as
with turns as (
    select
        call_number,
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

-- Of a party without a timed word: whether one of its words has no times, so that nobody knows how long it spoke.
silent as (
    select
        turns.call_number,
        coalesce(
            bool_or(len(list_filter(turn.words, lambda word: is_spoken(word."start", word."end"))) > 0)
                filter (where turn.role = 'agent'),
            false
        ) as has_untimed_agent,
        coalesce(
            bool_or(len(list_filter(turn.words, lambda word: is_spoken(word."start", word."end"))) > 0)
                filter (where turn.role = 'user'),
            false
        ) as has_untimed_user
    from turns
    where
        call_number not in (
            select call_number
            from measured_calls
            where
                agent_timed_count > 0
                and user_timed_count > 0
        )
    group by turns.call_number
),

exchanges as (
    select
        call_id,
        count(response_gap_us) filter (where role = 'agent') as agent_response_count,
        count(response_gap_us) filter (where role = 'user') as user_response_count,
        quantile_cont(response_gap_us, [0.5, 0.95]) filter (where role = 'agent') as agent_gaps_us,
        quantile_cont(response_gap_us, [0.5, 0.95]) filter (where role = 'user') as user_gaps_us,
        count(*) filter (where role = 'agent' and overlap_us > 0) as agent_interruption_count,
        count(*) filter (where role = 'user' and overlap_us > 0) as user_interruption_count,
        coalesce(sum(overlap_us) filter (where role = 'agent'), 0) as agent_interruption_us,
        coalesce(sum(overlap_us) filter (where role = 'user'), 0) as user_interruption_us
    from staged_turns
    group by call_id
)

-- Without a timed word nothing is known of times. A party that said nothing, or planned to and did not, talked
-- for 0 seconds; one whose words are all untimed talked for who knows how long.
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
    nullif(talk.agent_first_word_us, -1) / 1e6 as agent_first_word_s,
    if(talk.agent_timed_count > 0 or not silent.has_untimed_agent, talk.agent_talk_us, null) / 1e6
        as agent_talk_s,
    if(talk.user_timed_count > 0 or not silent.has_untimed_user, talk.user_talk_us, null) / 1e6
        as user_talk_s,
    talk.overlap_us / 1e6 as overlap_s,
    talk.silence_us / 1e6 as silence_s,
    talk.longest_silence_us / 1e6 as longest_silence_s,
    talk.long_silence_us / 1e6 as long_silence_s,
    talk.long_silence_count,
    talk.dead_air_us / 1e6 as dead_air_s,
    talk.dead_air_count,
    talk.agent_silence_us / 1e6 as agent_silence_s,
    talk.user_silence_us / 1e6 as user_silence_s,
    exchanges.agent_response_count,
    exchanges.agent_gaps_us[1] / 1000.0 as agent_response_p50_ms,
    exchanges.agent_gaps_us[2] / 1000.0 as agent_response_p95_ms,
    exchanges.user_response_count,
    exchanges.user_gaps_us[1] / 1000.0 as user_response_p50_ms,
    exchanges.user_gaps_us[2] / 1000.0 as user_response_p95_ms,
    exchanges.agent_interruption_count,
    exchanges.agent_interruption_us / 1000.0 as agent_interruption_ms,
    exchanges.user_interruption_count,
    exchanges.user_interruption_us / 1000.0 as user_interruption_ms,
    nullif(talk.agent_monologue_us, -1) / 1e6 as agent_longest_monologue_s,
    nullif(talk.user_monologue_us, -1) / 1e6 as user_longest_monologue_s
from counts
left join measured_calls as talk
    on counts.call_number = talk.call_number
left join silent
    on counts.call_number = silent.call_number
left join exchanges
    on counts.call_id = exchanges.call_id;
