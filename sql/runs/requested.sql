-- The ids a run was asked for, each once, at the place where it came first; and when what the run found of
-- it in the ledger was recorded, if it looked.
-- Grain: call id. Source: the spool file of ids. A rerun replaces the temporary table.
-- Parameter: $spool, path of a CSV of position, call_id and recorded_at, without a header.
create or replace temp table requested as
select
    call_id,
    min(position) as position,
    max(recorded_at) as recorded_at
from spooled_ids($spool)
group by call_id;
