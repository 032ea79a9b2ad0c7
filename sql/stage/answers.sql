-- What the chunks of this load say of every call id in them.
-- Grain: chunk × call id. Source: manifests. A rerun replaces the temporary table.
-- sequence tells which of two answers is newer, whatever the clocks said (`pipeline.landing.clock`).
-- kind is answer (the API was asked for the whole call), listing (a listing had an item of it) or given (a
-- run was asked for the id). A whole payload comes before any item of a listing, whichever is newer. Of two
-- payloads of which an event brought one, that counts which has come further: events come late, and out of
-- order, and an answer may come from before what an event told.
create or replace temp table answers as
with said as (
    select
        chunk_id,
        run_id,
        payload_file,
        unnest(outcomes, max_depth := 2)
    from manifests
),

kinds as (
    select
        * exclude (landed_by)
        replace (
            coalesce(landed_by, run_id) as run_id,
            coalesce(has_plain_speech, false) as has_plain_speech,
            coalesce(detail, 'whole') as detail,
            coalesce(is_superseded, false) as is_superseded,
            coalesce(progress, 0) as progress,
            -- Earlier versions gave no number: theirs are in the order of time, and before all others.
            coalesce(sequence, epoch_us(fetched_at) - 4611686018427387904) as sequence
        ),
        case
            when outcome = 'waiting' then 'given'
            when said.detail = 'listed' then 'listing'
            else 'answer'
        end as kind
    from said
    -- An event that is kept says nothing that is loaded.
    where outcome != 'kept'
),

compared as (
    select
        *,
        coalesce(
            progress < max(progress) filter (
                where outcome = 'accepted' and detail = 'whole' and event is not null
            ) over (partition by call_id)
            or (
                event is not null
                and progress < max(progress) filter (
                    where outcome = 'accepted' and detail = 'whole'
                ) over (partition by call_id)
            ),
            false
        ) as is_overtaken
    from kinds
)

-- Two chunks of one load may hold the same call: the newest payload wins, whatever their order.
select
    *,
    outcome = 'accepted'
    and row_number() over (
        partition by call_id, outcome
        order by
            detail = 'whole' desc, is_overtaken asc, is_superseded asc, sequence desc, chunk_id desc
    ) = 1 as is_newest_payload,
    row_number() over (
        partition by call_id, kind
        order by sequence desc, chunk_id desc
    ) = 1 as is_newest_of_kind,
    min(fetched_at) filter (where outcome = 'accepted') over (
        partition by call_id
    ) as first_fetched_at,
    min(fetched_at) filter (where is_fresh) over (partition by call_id) as first_fresh_at
from compared;
