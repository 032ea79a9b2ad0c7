-- What was said in some calls, turn by turn, and how each turn came.
-- Grain: turn of any role, timed or not. Source: utterances, turn_details. Reads only.
-- Parameter: $call_ids.
select
    utterances.call_id,
    utterances.utterance_index,
    utterances.role,
    utterances.start_s,
    utterances.end_s,
    turn_details.response_gap_ms,
    turn_details.overlap_ms,
    utterances.content
from utterances
left join turn_details
    on utterances.call_id = turn_details.call_id
    and utterances.utterance_index = turn_details.utterance_index
where list_contains($call_ids, utterances.call_id)
order by
    utterances.call_id asc nulls last,
    utterances.utterance_index asc nulls last;
