-- The turns in which a tool was invoked.
-- Grain: turn. Source: staged, staged_items. A rerun selects the same.
select distinct
    staged.call_number,
    cast(staged_items.worded_utterance_index as integer) as utterance_index
from staged_items
inner join staged
    on staged_items.call_id = staged.call_id
where
    staged_items.role = 'tool_call_invocation'
    and staged_items.worded_utterance_index is not null;
