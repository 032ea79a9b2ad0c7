-- How people and agents talked, by day and agent; percentiles are pooled over turns.
-- Grain: day × agent_id, for days with a transcript. Source: conversations, turn_timings, calls.
-- Parameter: chosen, a condition on columns of calls, to measure only some of them.
-- Sums over calls are divided by sums over calls: long calls weigh as much as they are long.
-- A rerun replaces the macro; it holds no data. daily_conversations reads it.
create or replace macro conversations_by_day(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

conversations_of_day as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        conversations.*
    from conversations
    inner join calls_of_day
        on conversations.call_id = calls_of_day.call_id
),

over_calls as (
    select
        day,
        agent_id,
        count(*) as calls,
        count(first_word_s) as timed_calls,
        cast(sum(agent_turn_count + user_turn_count) as bigint) as turns,
        sum(agent_talk_s) as agent_talk_s,
        sum(user_talk_s) as user_talk_s,
        sum(agent_talk_s) filter (where user_talk_s is not null)
            / nullif(sum(agent_talk_s + user_talk_s), 0) as agent_talk_ratio,
        sum(silence_s) / nullif(sum(last_word_s - first_word_s), 0) as silence_rate,
        sum(long_silence_s) / nullif(sum(last_word_s - first_word_s), 0) as long_silence_rate,
        sum(dead_air_s) / nullif(sum(last_word_s - first_word_s), 0) as dead_air_rate,
        sum(agent_silence_s) / nullif(sum(silence_s), 0) as agent_silence_share,
        sum(agent_word_count - agent_untimed_word_count) / nullif(sum(agent_talk_s), 0) * 60
            as agent_words_per_minute,
        sum(user_word_count - user_untimed_word_count) / nullif(sum(user_talk_s), 0) * 60
            as user_words_per_minute,
        cast(sum(agent_interruption_count) as bigint) as agent_interruptions,
        cast(sum(user_interruption_count) as bigint) as user_interruptions,
        sum(agent_interruption_ms) as agent_interruption_ms,
        sum(user_interruption_ms) as user_interruption_ms,
        quantile_cont(agent_first_word_s, 0.5) as median_agent_first_word_s,
        quantile_cont(agent_longest_monologue_s, 0.5) as median_agent_monologue_s
    from conversations_of_day
    group by day, agent_id
),

over_turns as (
    select
        calls_of_day.day,
        calls_of_day.agent_id,
        quantile_cont(turn_timings.response_gap_ms, [0.5, 0.95])
            filter (where turn_timings.role = 'agent') as agent_gaps,
        quantile_cont(turn_timings.response_gap_ms, [0.5, 0.95])
            filter (where turn_timings.role = 'user') as user_gaps
    from turn_timings
    inner join calls_of_day
        on turn_timings.call_id = calls_of_day.call_id
    where turn_timings.response_gap_ms is not null
    group by calls_of_day.day, calls_of_day.agent_id
)

select
    over_calls.*,
    over_turns.agent_gaps[1] as agent_response_p50_ms,
    over_turns.agent_gaps[2] as agent_response_p95_ms,
    over_turns.user_gaps[1] as user_response_p50_ms,
    over_turns.user_gaps[2] as user_response_p95_ms
from over_calls
left join over_turns
    on over_calls.day is not distinct from over_turns.day
    and over_calls.agent_id is not distinct from over_turns.agent_id;
