-- Who spoke when in every call with a transcript, with the ratios that need no other call.
-- Grain: call with a turn. Source: conversations, which holds the definitions, and calls.
-- Times come from timed words alone: a party with untimed words spoke at least as long as it says.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view conversation_details as
select
    calls.call_id,
    calls.day,
    calls.agent_id,
    calls.agent_version,
    conversations.agent_turn_count,
    conversations.user_turn_count,
    conversations.agent_word_count,
    conversations.user_word_count,
    conversations.agent_untimed_word_count + conversations.user_untimed_word_count
        as untimed_word_count,
    conversations.last_word_s - conversations.first_word_s as dialogue_s,
    conversations.agent_first_word_s,
    conversations.agent_talk_s,
    conversations.user_talk_s,
    conversations.overlap_s,
    conversations.agent_talk_s
        / nullif(conversations.agent_talk_s + conversations.user_talk_s, 0) as agent_talk_ratio,
    conversations.silence_s,
    conversations.longest_silence_s,
    conversations.silence_s / nullif(dialogue_s, 0) as silence_rate,
    conversations.long_silence_s / nullif(dialogue_s, 0) as long_silence_rate,
    conversations.dead_air_s / nullif(dialogue_s, 0) as dead_air_rate,
    conversations.long_silence_count,
    conversations.dead_air_count,
    conversations.agent_silence_s,
    conversations.user_silence_s,
    if(
        conversations.last_word_s is not null,
        greatest(calls.duration_ms / 1000.0 - conversations.last_word_s, 0),
        null
    ) as trailing_silence_s,
    conversations.agent_response_count,
    conversations.agent_response_p50_ms,
    conversations.agent_response_p95_ms,
    conversations.user_response_count,
    conversations.user_response_p50_ms,
    conversations.user_response_p95_ms,
    conversations.agent_interruption_count,
    conversations.agent_interruption_ms,
    conversations.user_interruption_count,
    conversations.user_interruption_ms,
    (conversations.agent_word_count - conversations.agent_untimed_word_count)
        / nullif(conversations.agent_talk_s, 0) * 60 as agent_words_per_minute,
    (conversations.user_word_count - conversations.user_untimed_word_count)
        / nullif(conversations.user_talk_s, 0) * 60 as user_words_per_minute,
    conversations.agent_longest_monologue_s,
    conversations.user_longest_monologue_s
from conversations
inner join visible_calls() as calls
    on conversations.call_id = calls.call_id;

comment on view conversation_details is
    'Who spoke when in every call with a transcript: talk, silence, gaps, interruptions, pace';
comment on column conversation_details.untimed_word_count is
    'Words of both without sound times: in no measure of time';
comment on column conversation_details.dialogue_s is
    'Seconds from the first to the last timed word of agent or user; null without one';
comment on column conversation_details.agent_talk_ratio is
    'agent_talk_s / (agent_talk_s + user_talk_s), 0 to 1; null where nobody spoke. Each party''s '
    'seconds are those of its words, and count for both where both spoke. Twilio''s Voice '
    'Intelligence shares out speech by participant in the same way. Amazon Connect''s Contact Lens '
    'divides by the whole conversation, non-talk time too: smaller. Retell shows no such number';
comment on column conversation_details.silence_s is
    'Seconds of dialogue_s in which nobody spoke, in any role';
comment on column conversation_details.silence_rate is
    'silence_s / dialogue_s, 0 to 1; null without time between words';
comment on column conversation_details.long_silence_rate is
    'Seconds in silences longer than 2 s / dialogue_s, 0 to 1';
comment on column conversation_details.dead_air_rate is
    'Seconds in silences longer than 5 s / dialogue_s, 0 to 1';
comment on column conversation_details.trailing_silence_s is
    'Seconds from the last timed word to the end of the call; null without a duration';
comment on column conversation_details.agent_words_per_minute is
    'Agent''s timed words / minutes of agent_talk_s; null where it did not speak';
comment on column conversation_details.user_words_per_minute is
    'User''s timed words / minutes of user_talk_s; null where it did not speak';
