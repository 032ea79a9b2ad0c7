-- Records the outcome of the ids that the plan leaves: nothing was fetched for them.
-- Grain: call id. Source: planned, etl_outcomes. A rerun replaces the same rows.
-- Parameters: $run_id, $recorded_at (UTC).
create or replace temp table left_alone as
select
    planned.call_id,
    $run_id as run_id,
    planned.action as outcome,
    case when planned.action = 'deleted' then etl_outcomes.reason end as reason,
    0 as attempts,
    etl_outcomes.http_status,
    etl_outcomes.fetched_at,
    cast($recorded_at as timestamp) as recorded_at,
    coalesce(etl_outcomes.first_seen_at, cast($recorded_at as timestamp)) as first_seen_at,
    etl_outcomes.listed_at,
    etl_outcomes.listed_hash,
    etl_outcomes.given_at,
    etl_outcomes.fetched_sequence,
    etl_outcomes.listed_sequence,
    etl_outcomes.given_sequence
from planned
left join etl_outcomes
    on planned.call_id = etl_outcomes.call_id
where planned.action != 'fetch';
