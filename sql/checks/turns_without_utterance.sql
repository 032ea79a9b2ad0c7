-- Every turn of the woven transcript is one of the call's turns.
-- severity: warn
-- Grain: woven turn that is none. Source: transcript_events. Reads only.
-- It was said, and is in no utterance: measures of words and turns miss it. It is kept as an event.
select
    call_id,
    event_index,
    role,
    utterance_index
from transcript_events
where
    phase = 'session'
    and role in ('agent', 'user', 'transfer_target')
order by
    call_id asc nulls last,
    event_index asc nulls last;
