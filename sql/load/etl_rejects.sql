-- Records the quarantined payloads of this load and closes those a later payload has settled.
-- Grain: run × quarantined payload. Source: landed, calls. A rerun adds nothing.
insert into etl_rejects by name
select
    call_id,
    run_id,
    reason,
    coalesce(json_path, '$') as json_path,
    value,
    http_status,
    quarantine_path as path,
    fetched_at as rejected_at,
    sequence
from landed
where
    outcome = 'rejected'
    and quarantine_path not in (select path from etl_rejects);

update etl_rejects
set resolved_at = calls.extracted_at
from calls
where
    etl_rejects.call_id = calls.call_id
    and etl_rejects.resolved_at is null
    and calls.sequence >= etl_rejects.sequence;
