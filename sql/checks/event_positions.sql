-- The place of a transcript event in the conversation is a turn that exists.
-- severity: fail
-- Grain: event where it is not. Source: transcript_events, utterances. Reads only.
select
    transcript_events.call_id,
    transcript_events.event_index,
    transcript_events.utterance_index
from transcript_events
anti join utterances
    on transcript_events.call_id = utterances.call_id
    and transcript_events.utterance_index = utterances.utterance_index
where transcript_events.utterance_index is not null
order by transcript_events.call_id asc nulls last, transcript_events.event_index asc nulls last;
