-- Every tool invocation with its result and what was said before and after it.
-- Grain: invocation. Source: tool_calls, utterances, calls.
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
    next_turn.content as said_after
from placed
inner join visible_calls() as calls
    on placed.call_id = calls.call_id
left join utterances as next_turn
    on placed.call_id = next_turn.call_id
    and placed.next_utterance_index = next_turn.utterance_index;

comment on view tool_details is
    'Every tool invocation with its result and what was said before and after it';
comment on column tool_details.is_orphan is 'Whether no result came';
comment on column tool_details.utterance_index_before is
    'Turn of the last word spoken before; null before any word';
comment on column tool_details.role_before is 'Who spoke that turn';
comment on column tool_details.said_before is 'What was said in that turn';
comment on column tool_details.utterance_index_after is
    'Turn of the next word spoken after; null when nothing was said after';
comment on column tool_details.role_after is 'Who spoke that turn';
comment on column tool_details.said_after is 'What was said in that turn';
