-- How people and agents talked, by day and agent; percentiles are pooled over turns.
-- Grain: day × agent_id, for days with a transcript. Source: conversations, turn_timings, calls.
-- Sums over calls are divided by sums over calls: long calls weigh as much as they are long.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_conversations as
with conversations_of_day as (
    select
        cast(coalesce(calls.started_at, calls.first_seen_at) as date) as day,
        calls.agent_id,
        conversations.*
    from conversations
    inner join calls
        on conversations.call_id = calls.call_id
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
        conversations_of_day.day,
        conversations_of_day.agent_id,
        quantile_cont(turn_timings.response_gap_ms, [0.5, 0.95])
            filter (where turn_timings.role = 'agent') as agent_gaps,
        quantile_cont(turn_timings.response_gap_ms, [0.5, 0.95])
            filter (where turn_timings.role = 'user') as user_gaps
    from turn_timings
    inner join conversations_of_day
        on turn_timings.call_id = conversations_of_day.call_id
    where turn_timings.response_gap_ms is not null
    group by conversations_of_day.day, conversations_of_day.agent_id
)

select
    over_calls.*,
    over_turns.agent_gaps[1] as agent_response_p50_ms,
    over_turns.agent_gaps[2] as agent_response_p95_ms,
    over_turns.user_gaps[1] as user_response_p50_ms,
    over_turns.user_gaps[2] as user_response_p95_ms
from over_calls
left join over_turns
    on over_calls.day = over_turns.day
    and over_calls.agent_id is not distinct from over_turns.agent_id;

comment on view daily_conversations is
    'How people and agents talked, by day and agent; percentiles pooled over turns';
comment on column daily_conversations.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_conversations.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_conversations.calls is 'Calls with a transcript';
comment on column daily_conversations.timed_calls is
    'Those with a timed word; all measures of time are over them';
comment on column daily_conversations.turns is 'Turns of agent and user';
comment on column daily_conversations.agent_talk_s is
    'Seconds in which agents spoke: unions of their words';
comment on column daily_conversations.user_talk_s is
    'Seconds in which users spoke: unions of their words';
comment on column daily_conversations.agent_talk_ratio is
    'agent_talk_s / (agent_talk_s + user_talk_s) over calls that know both, 0 to 1';
comment on column daily_conversations.silence_rate is
    'Seconds in which nobody spoke / seconds from first to last word, 0 to 1';
comment on column daily_conversations.long_silence_rate is
    'Seconds in silences longer than 2 s / seconds from first to last word, 0 to 1';
comment on column daily_conversations.dead_air_rate is
    'Seconds in silences longer than 5 s / seconds from first to last word, 0 to 1';
comment on column daily_conversations.agent_silence_share is
    'Seconds of silence in the agent''s turn / all seconds of silence, 0 to 1';
comment on column daily_conversations.agent_words_per_minute is
    'Agents'' timed words / minutes of agent_talk_s';
comment on column daily_conversations.user_words_per_minute is
    'Users'' timed words / minutes of user_talk_s';
comment on column daily_conversations.agent_interruptions is
    'Turns of agents that overlap an earlier turn of the user';
comment on column daily_conversations.user_interruptions is
    'Turns of users that overlap an earlier turn of the agent';
comment on column daily_conversations.agent_interruption_ms is
    'Milliseconds both spoke because an agent interrupted';
comment on column daily_conversations.user_interruption_ms is
    'Milliseconds both spoke because a user interrupted';
comment on column daily_conversations.median_agent_first_word_s is
    'Median over calls of the start of the agent''s first word, in seconds';
comment on column daily_conversations.median_agent_monologue_s is
    'Median over calls of the agent''s longest monologue, in seconds';
comment on column daily_conversations.agent_response_p50_ms is
    'Median over turns of the agents'' response gaps, in ms';
comment on column daily_conversations.agent_response_p95_ms is
    '95th percentile over turns of the agents'' response gaps, in ms';
comment on column daily_conversations.user_response_p50_ms is
    'Median over turns of the users'' response gaps, in ms';
comment on column daily_conversations.user_response_p95_ms is
    '95th percentile over turns of the users'' response gaps, in ms';
