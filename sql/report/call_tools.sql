-- The tools that some calls invoked, each with when that was.
-- Grain: invocation. Source: tool_calls, words, utterances. Reads only. at_s is the invocation's own
-- time; where none is sent, the end of the last word before it, of its turn where that word has no
-- time, and null before any word.
-- Parameter: $call_ids.
select
    tool_calls.call_id,
    tool_calls.tool_call_index,
    tool_calls.name,
    tool_calls.arguments,
    tool_calls.result,
    tool_calls.successful,
    tool_calls.utterance_index,
    tool_calls.latency_ms,
    coalesce(tool_calls.invoked_at_s, words.end_s, utterances.end_s) as at_s
from tool_calls
left join words
    on tool_calls.call_id = words.call_id
    and tool_calls.utterance_index = words.utterance_index
    and tool_calls.word_index = words.word_index
    and list_contains($call_ids, words.call_id)
left join utterances
    on tool_calls.call_id = utterances.call_id
    and tool_calls.utterance_index = utterances.utterance_index
where list_contains($call_ids, tool_calls.call_id)
order by
    tool_calls.call_id asc nulls last,
    tool_calls.tool_call_index asc nulls last;
