-- The ids a run was asked for, each once, at the place where it came first.
-- Grain: call id. Source: the spool file of ids. A rerun replaces the temporary table.
-- Parameter: $spool, path of a CSV of position and call_id, without a header.
create or replace temp table requested as
select
    call_id,
    min(position) as position
from spooled_ids($spool)
group by call_id;
