-- Notes what an answer says of a call even where its payload replaces no rows.
-- Grain: call. Source: landed. A rerun sets the same.

-- The payload was fetched again as it is: none that was fetched before that may replace it.
update calls
set
    extracted_at = landed.fetched_at,
    sequence = landed.sequence,
    event = landed.event."name"
from landed
where
    calls.call_id = landed.call_id
    and landed.action = 'confirm';

-- Whatever brought the newest payload, a call without times was made when it was first seen fresh.
update calls
set
    dated_at = landed.fresh_at,
    local_at = local_time(landed.fresh_at, this_load.time_zone),
    day = cast(local_time(landed.fresh_at, this_load.time_zone) as date)
from landed
cross join this_load
where
    calls.call_id = landed.call_id
    and calls.started_at is null
    and calls.ended_at is null
    and landed.fresh_at is not null
    and landed.fresh_at is distinct from calls.dated_at;

-- However payloads are split into loads, a call was first seen when the first of them was fetched.
update calls
set first_seen_at = landed.first_seen_at
from landed
where
    calls.call_id = landed.call_id
    and landed.outcome = 'accepted'
    and landed.first_seen_at < calls.first_seen_at;

update etl_drift
set first_seen_at = landed.first_seen_at
from landed
where
    etl_drift.call_id = landed.call_id
    and landed.outcome = 'accepted'
    and landed.first_seen_at < etl_drift.first_seen_at;
