-- The calls that started between two moments, or without a start were first seen then, and that no page of a
-- listing had: perhaps they are gone at the source.
-- Grain: call id. Source: calls, the spool file of ids. Reads only.
-- Parameters: $spool, path of a CSV of position and call_id, without a header: the ids that were listed;
-- $since, $until (UTC).
select calls.call_id
from calls
anti join spooled_ids($spool) as listed
    on calls.call_id = listed.call_id
where
    calls.deleted_at_source_at is null
    and coalesce(calls.started_at, calls.first_seen_at)
    between cast($since as timestamp) and cast($until as timestamp)
    -- A call that began or was fetched while the listing was under way may not be on a page.
    and calls.first_seen_at < cast($until as timestamp)
order by
    calls.started_at desc nulls last,
    calls.call_id;
