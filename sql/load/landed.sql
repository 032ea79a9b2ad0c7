-- What the chunks of this load say of every call id in them, and what is to be done with each payload.
-- Grain: chunk × call id. Source: manifests, calls. A rerun replaces the temporary table.
-- Parameter: $replay, whether payloads that are already loaded are to be normalised again.
create or replace temp table landed as
with answers as (
    select
        chunk_id,
        run_id,
        payload_file,
        unnest(outcomes, recursive := true)
    from manifests
),

-- Two chunks of one load may hold the same call: the newest payload wins, whatever their order.
ranked as (
    select
        answers.*,
        answers.outcome = 'accepted'
        and row_number() over (
            partition by answers.call_id, answers.outcome
            order by answers.fetched_at desc, answers.chunk_id desc
        ) = 1 as is_newest_payload,
        row_number() over (
            partition by answers.call_id
            order by answers.fetched_at desc, answers.chunk_id desc
        ) = 1 as is_newest_answer,
        min(answers.fetched_at) filter (where answers.outcome = 'accepted') over (
            partition by answers.call_id
        ) as first_fetched_at
    from answers
)

select
    ranked.chunk_id,
    ranked.run_id,
    ranked.payload_file,
    ranked.call_id,
    ranked.outcome,
    ranked.reason,
    ranked.attempts,
    ranked.http_status,
    ranked.fetched_at,
    ranked.payload_hash,
    ranked.json_path,
    ranked.value,
    ranked.quarantine_path,
    coalesce(ranked.has_plain_speech, false) as has_plain_speech,
    ranked.is_newest_answer,
    least(ranked.first_fetched_at, calls.first_seen_at) as first_seen_at,
    calls.call_id is not null as is_known,
    case
        when not ranked.is_newest_payload then 'skip'
        when calls.call_id is null then 'replace'
        when ranked.fetched_at < calls.extracted_at then 'skip'
        when ranked.payload_hash = calls.payload_hash and not $replay then 'confirm'
        else 'replace'
    end as action
from ranked
left join calls
    on ranked.call_id = calls.call_id;
