-- Records how every call id in this load stands: the ledger of ids.
-- Grain: call id. Source: landed, calls, call_analysis, etl_outcomes, this_load.
-- A rerun replaces the same rows.
--
-- Of an id three things are known: the newest answer for the whole call, what a listing last said of it that
-- was new and when, and whether a run was given it and has no answer yet. An answer settles an id until
-- a listing says something else than it did before, or the id is given again.
create or replace temp table recorded as
with ids as (
    select
        call_id,
        min(fetched_at) as first_seen_at
    from landed
    group by call_id
),

-- Of millions only the rows of this load are joined.
known_ids as (
    select etl_outcomes.*
    from etl_outcomes
    semi join ids
        on etl_outcomes.call_id = ids.call_id
),

known_calls as (
    select calls.*
    from calls
    semi join ids
        on calls.call_id = ids.call_id
),

analysed as (
    select call_analysis.call_id
    from call_analysis
    semi join ids
        on call_analysis.call_id = ids.call_id
),

-- The newest answer need not be the one whose payload is loaded.
replacing as (
    select call_id
    from landed
    where action = 'replace'
),

facts as (
    select
        ids.call_id,
        least(ids.first_seen_at, known.first_seen_at) as first_seen_at,
        known.first_seen_at as known_first_seen_at,
        known.call_id is not null as is_known,
        known.outcome as known_outcome,
        known.run_id as known_run_id,
        coalesce(answered.sequence >= known.fetched_sequence, answered.call_id is not null)
            as is_answered,
        -- What a listing says is landed only where it is new: so the newest item that is landed counts.
        coalesce(listed.sequence > known.listed_sequence, listed.call_id is not null) as is_listed,
        coalesce(given.sequence > known.given_sequence, given.call_id is not null) as is_given,
        if(is_answered, answered.fetched_at, known.fetched_at) as answered_at,
        if(is_answered, answered.sequence, known.fetched_sequence) as answered_sequence,
        if(is_answered, answered.reason, known.reason) as answer_reason,
        if(is_answered, answered.attempts, known.attempts) as attempts,
        if(is_answered, answered.http_status, known.http_status) as http_status,
        if(is_listed, listed.fetched_at, known.listed_at) as listed_at,
        if(is_listed, listed.sequence, known.listed_sequence) as listed_sequence,
        case
            when is_listed then listed.listed_hash
            -- The whole call has changed since it was listed: what the listing said is over.
            when
                is_answered
                and answered.sequence > known.listed_sequence
                and answered.listed_hash != known.listed_hash
                and answered.replaced_listed_hash = known.listed_hash
                then answered.listed_hash
            else known.listed_hash
        end as listed_hash,
        replacing.call_id is not null as is_replaced,
        case
            when is_answered then answered.outcome
            when known.fetched_at is null then null
            when known.outcome in ('loaded', 'unchanged', 'not_final', 'changed') then 'accepted'
            when known.outcome in ('not_found', 'deleted') then 'not_found'
            when known.outcome in ('rejected', 'failed') then known.outcome
            -- Given or listed anew since its answer, whatever that was.
            when calls.detail = 'whole' then 'accepted'
            else 'failed'
        end as answer,
        if(is_given, given.fetched_at, known.given_at) as given_at,
        if(is_given, given.sequence, known.given_sequence) as given_sequence,
        coalesce(answered.run_id, listed.run_id, given.run_id) as run_id,
        coalesce(calls.detail = 'whole', false) as is_whole,
        calls.call_id is not null as has_call,
        calls.listed_hash as whole_listed_hash,
        is_final(
            calls.call_status,
            analysed.call_id is not null,
            calls.started_at,
            calls.ended_at,
            calls.first_seen_at,
            calls.disconnection_reason,
            calls.transfer_ended_at,
            -- A clock that was ahead does not make a call final.
            least(answered_at, this_load.recorded_at),
            this_load.refresh_window_s
        )
        -- That a call never ended is for refresh to say, which settles it.
        and not coalesce(
            calls.call_status in ('registered', 'ongoing') and calls.ended_at is null, false
        ) as is_final
    from ids
    cross join this_load
    left join known_ids as known
        on ids.call_id = known.call_id
    left join landed as answered
        on ids.call_id = answered.call_id
        and answered.kind = 'answer'
        and answered.is_newest_of_kind
    left join landed as listed
        on ids.call_id = listed.call_id
        and listed.kind = 'listing'
        and listed.is_newest_of_kind
    left join landed as given
        on ids.call_id = given.call_id
        and given.kind = 'given'
        and given.is_newest_of_kind
    left join known_calls as calls
        on ids.call_id = calls.call_id
    left join analysed
        on ids.call_id = analysed.call_id
    left join replacing
        on ids.call_id = replacing.call_id
),

judged as (
    select
        *,
        -- Whether the listing came to say something else after the answer, and not what the answer said.
        coalesce(
            listed_sequence > answered_sequence
            and not (is_whole and coalesce(listed_hash = whole_listed_hash, true)),
            false
        ) as is_reopened
    from facts
    where
        not is_known
        or is_answered
        or is_listed
        or is_given
        or first_seen_at < known_first_seen_at
        -- An older payload of a call that is gone by now.
        or (known_outcome = 'not_found' and has_call)
)

select
    call_id,
    if(is_answered or is_listed or is_given, run_id, known_run_id) as run_id,
    case
        when answer is null then if(listed_at is null, 'waiting', 'listed')
        when coalesce(given_sequence > answered_sequence, false) then 'waiting'
        when is_reopened then if(is_whole, 'changed', 'listed')
        when answer = 'failed' then 'failed'
        when answer = 'not_found' then if(has_call, 'deleted', 'not_found')
        when answer = 'rejected' then 'rejected'
        when not is_final then 'not_final'
        when is_answered and is_replaced then 'loaded'
        when known_outcome in ('loaded', 'unchanged') and not is_answered then known_outcome
        else 'unchanged'
    end as outcome,
    if(outcome in ('not_found', 'deleted', 'rejected', 'failed'), answer_reason, null) as reason,
    coalesce(attempts, 0) as attempts,
    http_status,
    answered_at as fetched_at,
    answered_sequence as fetched_sequence,
    this_load.recorded_at,
    first_seen_at,
    listed_at,
    listed_sequence,
    listed_hash,
    given_at,
    given_sequence,
    key_of_id(call_id) as id_key
from judged
cross join this_load;

delete from etl_outcomes
where call_id in (select call_id from recorded);

insert into etl_outcomes by name
select *
from recorded;
