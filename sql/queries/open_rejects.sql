-- The quarantined payloads that no later payload has settled, the newest of a call first.
-- Grain: quarantined payload. Source: etl_rejects. Reads only.
select
    call_id,
    run_id,
    path,
    http_status,
    rejected_at
from etl_rejects
where resolved_at is null
order by
    call_id asc nulls last,
    rejected_at desc nulls last;
