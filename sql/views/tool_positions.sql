-- How each tool fares as the first, second, third, … invocation of a call.
-- Grain: name of the tool × tool_call_index. Source: tool_calls.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view tool_positions as
select
    tool_calls.name,
    tool_calls.tool_call_index,
    count(*) as invocations,
    count(tool_calls.result) as results,
    count(*) - count(tool_calls.result) as orphans,
    orphans / count(*) as orphan_rate,
    count(tool_calls.successful) as judged_invocations,
    count(*) filter (where tool_calls.successful) as successful_invocations,
    successful_invocations / nullif(judged_invocations, 0) as success_rate,
    count(*) filter (where tool_calls.utterance_index is null) as before_any_word
from tool_calls
anti join hidden_calls() as hidden
    on tool_calls.call_id = hidden.hidden_call_id
group by tool_calls.name, tool_calls.tool_call_index;

comment on view tool_positions is
    'How each tool fares as the first, second, third, … invocation of a call';
comment on column tool_positions.before_any_word is 'Invocations before a word was spoken';
