-- The place of a tool call in the conversation is a word that exists, or a turn without words.
-- severity: fail
-- Grain: tool call where it is not. Source: tool_calls, words, utterances. Reads only.
select
    tool_calls.call_id,
    tool_calls.tool_call_index,
    tool_calls.utterance_index,
    tool_calls.word_index
from tool_calls
left join utterances
    on tool_calls.call_id = utterances.call_id
    and tool_calls.utterance_index = utterances.utterance_index
    and tool_calls.word_index is null
    and utterances.word_count = 0
anti join words
    on tool_calls.call_id = words.call_id
    and tool_calls.utterance_index = words.utterance_index
    and tool_calls.word_index = words.word_index
where
    (tool_calls.utterance_index is not null or tool_calls.word_index is not null)
    and utterances.call_id is null
order by
    tool_calls.call_id asc nulls last,
    tool_calls.tool_call_index asc nulls last;
