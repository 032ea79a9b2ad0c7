-- The turns that were being spoken when a tool was invoked.
-- Grain: tool invocation × turn: a turn can be there twice. Source: tool_calls, utterances.
-- Where results are stored, only the words of these turns are gathered for waits_after_tools, which
-- says how long nobody spoke.
-- A rerun replaces the macro; it holds no data.
create or replace macro turns_at_tools() as table
select
    utterances.call_id,
    utterances.utterance_index
from tool_calls
inner join utterances
    on tool_calls.call_id = utterances.call_id
    and utterances.start_s <= tool_calls.invoked_at_s
    and utterances.end_s > tool_calls.invoked_at_s
where tool_calls.phase = 'session';
