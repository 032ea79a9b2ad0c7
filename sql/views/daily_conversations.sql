-- How people and agents talked, by day and agent; percentiles are pooled over turns.
-- Grain: day × agent_id, for days with a transcript.
-- Source: stored_daily_conversations; for days that are not stored, the macro
-- conversations_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_conversations as
select *
from stored_daily_conversations
where day in (select day from stored_days)
union all by name
select *
from conversations_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_conversations is
    'How people and agents talked, by day and agent; percentiles pooled over turns';
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
comment on column daily_conversations.long_silence_rate is
    'Seconds in silences longer than 2 s / seconds from first to last word, 0 to 1';
comment on column daily_conversations.agent_silence_share is
    'Seconds of silence in the agent''s turn / all seconds of silence, 0 to 1';
comment on column daily_conversations.agent_words_per_minute is
    'Agents'' timed words / minutes of agent_talk_s';
comment on column daily_conversations.user_words_per_minute is
    'Users'' timed words / minutes of user_talk_s';
comment on column daily_conversations.agent_interruptions is
    'Turns of agents that begin later than a turn of the user and overlap it';
comment on column daily_conversations.user_interruptions is
    'Turns of users that begin later than a turn of the agent and overlap it';
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
