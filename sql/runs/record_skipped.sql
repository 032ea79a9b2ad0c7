-- Records the outcome of the ids that the plan leaves: nothing was fetched for them.
-- Grain: call id. Source: planned, known_ids. A rerun replaces the same rows.
-- Parameters: $run_id, $recorded_at (UTC).
create or replace temp table left_alone as
select
    planned.call_id,
    known_ids.place,
    $run_id as run_id,
    planned.action as outcome,
    case when planned.action = 'deleted' then known_ids.reason end as reason,
    0 as attempts,
    known_ids.http_status,
    known_ids.fetched_at,
    cast($recorded_at as timestamp) as recorded_at,
    coalesce(known_ids.first_seen_at, cast($recorded_at as timestamp)) as first_seen_at,
    known_ids.listed_at,
    known_ids.listed_hash,
    known_ids.given_at,
    known_ids.fetched_sequence,
    known_ids.listed_sequence,
    known_ids.given_sequence,
    key_of_id(planned.call_id) as id_key
from planned
left join known_ids
    on planned.call_id = known_ids.call_id
where planned.action != 'fetch';
