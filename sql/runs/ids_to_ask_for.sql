-- The open ids that this run has not had: the newest calls first, and after all others those that failed,
-- since a run stops where too many fail one after another.
-- Grain: call id. Source: open_ids, the spool file of ids. Reads only.
-- Parameter: $spool, path of a CSV of position, call_id and recorded_at, without a header: the ids that this
-- run has had.
select open_ids.call_id
from open_ids
anti join spooled_ids($spool) as had
    on open_ids.call_id = had.call_id
order by
    coalesce(open_ids.outcome = 'failed', false),
    open_ids.started_at desc nulls last,
    open_ids.call_id;
