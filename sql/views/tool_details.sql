-- Every tool invocation with its result, how long it took, and what was said before and after it.
-- Grain: invocation. Source: tool_calls, utterances, calls; the macro waits_after_tools.
-- The turn before holds the last word spoken before the invocation, the turn after the next one: it
-- is the same turn if the invocation came in the middle of it.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view tool_details as
with placed as (
    select
        tool_calls.*,
        before.role as role_before,
        before.content as said_before,
        case
            when tool_calls.utterance_index is null then 0
            when tool_calls.word_index < before.word_count - 1 then tool_calls.utterance_index
            else tool_calls.utterance_index + 1
        end as next_utterance_index
    from tool_calls
    left join utterances as before
        on tool_calls.call_id = before.call_id
        and tool_calls.utterance_index = before.utterance_index
)

select
    placed.call_id,
    placed.tool_call_index,
    calls.day,
    calls.agent_id,
    calls.agent_version,
    placed.name,
    placed.type,
    placed.arguments,
    placed.result,
    placed.result is null as is_orphan,
    placed.successful,
    placed.utterance_index as utterance_index_before,
    placed.role_before,
    placed.said_before,
    next_turn.utterance_index as utterance_index_after,
    next_turn.role as role_after,
    next_turn.content as said_after,
    placed.phase,
    placed.invoked_at_s,
    placed.result_at_s,
    placed.latency_ms,
    dead_air.dead_air_s,
    case when dead_air.call_id is not null then dead_air.dead_air_s is not null end
        as has_dead_air
from placed
inner join visible_calls() as calls
    on placed.call_id = calls.call_id
left join utterances as next_turn
    on placed.call_id = next_turn.call_id
    and placed.next_utterance_index = next_turn.utterance_index
left join waits_after_tools() as dead_air
    on placed.call_id = dead_air.call_id
    and placed.tool_call_index = dead_air.tool_call_index;

comment on view tool_details is
    'Every tool invocation with its result, how long it took, and what was said before and after';
comment on column tool_details.is_orphan is 'Whether no result came';
comment on column tool_details.utterance_index_before is
    'Turn of the last word spoken before; null before any word';
comment on column tool_details.role_before is 'Who spoke that turn';
comment on column tool_details.said_before is 'What was said in that turn';
comment on column tool_details.utterance_index_after is
    'Turn of the next word spoken after; null when nothing was said after';
comment on column tool_details.role_after is 'Who spoke that turn';
comment on column tool_details.said_after is 'What was said in that turn';
comment on column tool_details.dead_air_s is
    'Seconds in which nobody spoke after the invocation, to the next word, where they are more '
    'than 5; else null';
comment on column tool_details.has_dead_air is
    'Whether more than 5 s without a word followed; null where invoked_at_s is not known, and '
    'outside the conversation';
