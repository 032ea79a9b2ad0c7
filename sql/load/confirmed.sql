-- Notes what an answer says of a call even where its payload replaces no rows.
-- Grain: call. Source: landed. A rerun sets the same.

-- The payload was fetched again as it is: none that was fetched before that may replace it.
update calls
set extracted_at = landed.fetched_at
from landed
where
    calls.call_id = landed.call_id
    and landed.action = 'confirm';

-- However payloads are split into loads, a call was first seen when the first of them was fetched.
update calls
set first_seen_at = landed.first_seen_at
from landed
where
    calls.call_id = landed.call_id
    and landed.outcome = 'accepted'
    and landed.first_seen_at < calls.first_seen_at;
