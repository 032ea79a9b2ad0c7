-- Records the events that came of calls, each once, however often it was sent.
-- Grain: call × event × key. Source: landed, this_load. A rerun adds nothing.
-- Interim transcripts are no rows: there are many of a call, and the next one has all that one had.
create or replace temp table new_call_events as
select
    call_id,
    event."name" as event,
    event."key" as event_key,
    min(fetched_at) as received_at,
    min(sequence) as sequence,
    any_value(event.destination) as transfer_destination,
    any_value(event."option") as transfer_option
from landed
where
    outcome = 'accepted'
    and event is not null
    and event."name" != 'transcript_updated'
group by all;

update call_events
set
    received_at = again.received_at,
    sequence = again.sequence
from new_call_events as again
where
    call_events.call_id = again.call_id
    and call_events.event = again.event
    and call_events.event_key = again.event_key
    and again.sequence < call_events.sequence;

insert into call_events by name
select
    new_call_events.*,
    this_load.recorded_at as loaded_at,
    this_load.load_id
from new_call_events
anti join call_events
    on new_call_events.call_id = call_events.call_id
    and new_call_events.event = call_events.event
    and new_call_events.event_key = call_events.event_key
cross join this_load;
