-- The quarantined payloads that no later payload has settled, the newest of a call first; each with when it came
-- last.
-- Grain: quarantined payload. Source: etl_rejects. Reads only.
select
    call_id,
    run_id,
    path,
    http_status,
    coalesce(last_seen_at, rejected_at) as rejected_at,
    body_hash,
    sequence
from etl_rejects
where resolved_at is null
order by
    call_id asc nulls last,
    sequence desc nulls last;
