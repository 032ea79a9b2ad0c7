-- The tools that one call invoked, in order.
-- Grain: invocation. Source: tool_calls. Reads only. Parameter: $call_id.
select
    tool_call_index,
    name,
    arguments,
    result,
    successful,
    utterance_index,
    word_index
from tool_calls
where call_id = $call_id
order by tool_call_index asc nulls last;
