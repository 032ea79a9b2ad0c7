-- No payload waits in quarantine.
-- severity: warn
-- Grain: quarantined payload that waits. Source: etl_rejects. Reads only.
-- Fix what refuses it, then replay it. The offending value is left out: it may be personal.
select
    call_id,
    reason,
    json_path,
    rejected_at
from etl_rejects
where resolved_at is null
order by call_id asc nulls last, rejected_at asc nulls last;
