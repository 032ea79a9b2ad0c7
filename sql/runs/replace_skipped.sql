-- Puts the recorded outcomes of ids that were left in the place of their earlier ones.
-- Grain: call id. Source: left_alone. A rerun replaces the same rows.
delete from etl_outcomes
where call_id in (select call_id from left_alone);

insert into etl_outcomes by name
select
    call_id,
    run_id,
    outcome,
    reason,
    attempts,
    http_status,
    fetched_at,
    recorded_at,
    first_seen_at,
    listed_at,
    listed_hash,
    given_at
from left_alone;
