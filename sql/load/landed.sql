-- The answers of this load, and what is to be done with each payload in the warehouse as it is now.
-- Grain: chunk × call id. Source: answers, calls, call_analysis. A rerun replaces the temporary table.
-- Parameter: $replay, whether payloads that are already loaded are to be normalised again.
create or replace temp table landed as
-- Of millions only the calls of this load are joined.
with known_calls as (
    select calls.*
    from calls
    semi join answers
        on calls.call_id = answers.call_id
),

analysed as (
    select call_analysis.call_id
    from call_analysis
    semi join answers
        on call_analysis.call_id = answers.call_id
),

-- As `pipeline.payload.progress` has it of payloads.
progress_of_calls as (
    select
        known_calls.call_id,
        case
            when analysed.call_id is not null then 2
            when known_calls.ended_at is not null then 1
            when known_calls.call_status not in ('registered', 'ongoing') then 1
            else 0
        end as progress
    from known_calls
    left join analysed
        on known_calls.call_id = analysed.call_id
)

select
    answers.* exclude (is_newest_payload, first_fetched_at, first_fresh_at),
    least(answers.first_fetched_at, calls.first_seen_at) as first_seen_at,
    -- Of a call without times of its own, the moment that it is counted at is when it was seen fresh.
    least(
        answers.first_fresh_at,
        case when calls.started_at is null and calls.ended_at is null then calls.dated_at end
    ) as fresh_at,
    calls.call_id is not null as is_known,
    case when calls.detail = 'whole' then calls.listed_hash end as replaced_listed_hash,
    case
        when not answers.is_newest_payload then 'skip'
        when calls.call_id is null then 'replace'
        -- What a listing says never takes the place of a whole call, and a whole call always that of what
        -- a listing says: so the order in which they are loaded does not matter.
        when answers.detail = 'listed' and calls.detail = 'whole' then 'skip'
        when answers.detail = 'whole' and calls.detail = 'listed' then 'replace'
        -- Of two that are not as far, an event having brought one, that which has come further.
        when
            (answers.event is not null or calls.event is not null)
            and answers.progress != progress_of_calls.progress
            then if(answers.progress < progress_of_calls.progress, 'skip', 'replace')
        when answers.sequence < calls.sequence then 'skip'
        when answers.payload_hash = calls.payload_hash and not $replay then 'confirm'
        else 'replace'
    end as action
from answers
left join known_calls as calls
    on answers.call_id = calls.call_id
left join progress_of_calls
    on answers.call_id = progress_of_calls.call_id;
