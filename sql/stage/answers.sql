-- What the chunks of this load say of every call id in them.
-- Grain: chunk × call id. Source: manifests. A rerun replaces the temporary table.
create or replace temp table answers as
with said as (
    select
        chunk_id,
        run_id,
        payload_file,
        unnest(outcomes, recursive := true)
    from manifests
)

-- Two chunks of one load may hold the same call: the newest payload wins, whatever their order.
select
    * replace (coalesce(has_plain_speech, false) as has_plain_speech),
    outcome = 'accepted'
    and row_number() over (
        partition by call_id, outcome
        order by fetched_at desc, chunk_id desc
    ) = 1 as is_newest_payload,
    row_number() over (
        partition by call_id
        order by fetched_at desc, chunk_id desc
    ) = 1 as is_newest_answer,
    min(fetched_at) filter (where outcome = 'accepted') over (
        partition by call_id
    ) as first_fetched_at
from said;
