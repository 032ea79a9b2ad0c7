-- Notes that the payload the warehouse holds was fetched again, so that none from before that replaces it.
-- Grain: call. Source: landed. A rerun sets the same.
update calls
set extracted_at = landed.fetched_at
from landed
where
    calls.call_id = landed.call_id
    and landed.action = 'confirm';
