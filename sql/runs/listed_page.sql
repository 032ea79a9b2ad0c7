-- What a page of a listing brings: which items are new or say something new, and which calls are to be
-- fetched whole.
-- Grain: item. Source: the spool files of a page and of the run, etl_outcomes, calls, etl_runs. Reads only.
-- Parameters: $page, path of a CSV of position, call_id and listed_hash (empty for an item without an id),
-- without a header; $spool, path of one of position and call_id: the ids that this run has had; $run_id;
-- $as_of (UTC); $refetch_after_s, how long a call that is not final rests after it was fetched.
--
-- A call of the warehouse that the API did not have when it was asked is asked for again where a listing
-- still has it, but not at once: of a call that was just deleted a listing may be the last to know.
-- What was on a page of this run before is neither counted nor landed nor fetched again: the ledger may not
-- know of it yet, and would take what it says for new. What has changed since is for the next listing.
-- An item says nothing new where it says what a listing said before, or what the whole call says. What
-- another run has listed and is about to fetch is left to that run.
with page as (
    select
        position,
        call_id,
        nullif(listed_hash, '') as listed_hash
    from
        read_csv(
            $page,
            auto_detect = false,
            header = false,
            delim = ',',
            quote = '',
            escape = '',
            hive_partitioning = false,
            columns = {position: 'bigint', call_id: 'varchar', listed_hash: 'varchar'}
        )
),

compared as (
    select
        page.*,
        page.call_id in (select call_id from spooled_ids($spool)) as is_repeated,
        known.outcome as known_outcome,
        known.listed_hash as known_hash,
        coalesce(known.listed_sequence > known.fetched_sequence, false) as is_listed_since,
        known.first_seen_at as first_seen_at,
        coalesce(calls.detail = 'whole', false) as is_whole,
        calls.listed_hash as whole_hash,
        if(
            page.listed_hash is null,
            known.call_id is null,
            page.listed_hash is distinct from known.listed_hash
            and (not is_whole or page.listed_hash is distinct from calls.listed_hash)
        ) as is_new,
        known.call_id is null as is_unknown,
        coalesce(
            known.fetched_at not between
            cast($as_of as timestamp) - to_seconds(cast($refetch_after_s as double))
            and cast($as_of as timestamp),
            false
        ) as is_rested,
        known.run_id in (select run_id from other_runs(cast($as_of as timestamp), $run_id))
        and known.outcome in ('listed', 'changed', 'waiting') as is_taken
    from page
    left join etl_outcomes as known
        on page.call_id = known.call_id
    left join calls
        on page.call_id = calls.call_id
)

select
    call_id,
    is_new and not is_repeated as is_new,
    is_repeated,
    not is_repeated and not is_whole and is_unknown as is_missing,
    not is_repeated
    and is_whole
    and (is_new or is_listed_since)
    and coalesce(coalesce(whole_hash, known_hash) != listed_hash, false) as is_changed,
    case
        when is_repeated then false
        when listed_hash is null or coalesce(is_taken, false) then false
        when not is_new and known_outcome = 'deleted' then is_rested
        when not is_new and known_outcome in ('not_found', 'rejected') then false
        when not is_whole then true
        when known_outcome in ('changed', 'failed', 'waiting') then true
        -- Of a call that was fetched before hashes were kept, the first listing cannot tell whether it has
        -- changed, and the next ones can.
        when is_new then coalesce(whole_hash, known_hash) is not null
        -- Its hash was found out only after it was listed.
        when is_listed_since and whole_hash != listed_hash then true
        else whole_hash is null and known_outcome = 'not_final' and is_rested
    end as is_to_fetch,
    first_seen_at
from compared
order by position;
