-- What was said in one call, in order.
-- Grain: turn. Source: utterances. Reads only. Parameter: $call_id.
select
    utterance_index,
    role,
    start_s,
    end_s,
    content
from utterances
where call_id = $call_id
order by utterance_index asc nulls last;
