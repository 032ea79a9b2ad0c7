-- What a page of a listing brings: which items are new or say something new, and which calls are to be
-- fetched whole.
-- Grain: item. Source: the spool files of a page and of the run, etl_outcomes, calls, etl_runs. Reads only.
-- Parameters: $page, path of a CSV of position, call_id, listed_hash (empty for an item without an id) and
-- start_ms (ms since 1970, may be empty), without a header; $spool, path of one of position, call_id and
-- recorded_at: the ids that this run has had; $run_id; $as_of (UTC); $refetch_after_s, how long a call
-- that is not final rests after it was fetched.
--
-- A page has calls of one time, and calls and ledger lie in the order in which they came: so a call is looked
-- for at its start first, and its id at the moment at which the call came, where DuckDB passes over all
-- others. What is not found there is looked for among all.
--
-- A call of the warehouse that the API did not have when it was asked is asked for again where a listing
-- still has it, but not at once: of a call that was just deleted a listing may be the last to know.
-- What was on a page of this run before is neither counted nor landed nor fetched again: the ledger may not
-- know of it yet, and would take what it says for new. What has changed since is for the next listing.
-- An item says nothing new where it says what a listing said before, or what the whole call says. What
-- another run has listed and is about to fetch is left to that run.
with page as materialized (
    select
        position,
        call_id,
        nullif(listed_hash, '') as listed_hash,
        case when start_ms between 0 and 4102444800000 then epoch_ms(start_ms) end as started_at
    from
        read_csv(
            $page,
            auto_detect = false,
            header = false,
            delim = ',',
            quote = '',
            escape = '',
            hive_partitioning = false,
            columns = {
                position: 'bigint',
                call_id: 'varchar',
                listed_hash: 'varchar',
                start_ms: 'bigint'
            }
        )
),

calls_at_their_start as materialized (
    select
        calls.call_id,
        calls.detail,
        calls.listed_hash,
        calls.extracted_at
    from calls
    inner join page
        on calls.started_at = page.started_at
        and calls.call_id = page.call_id
    union all
    select
        calls.call_id,
        calls.detail,
        calls.listed_hash,
        calls.extracted_at
    from calls
    semi join (from page where started_at is null) as startless
        on calls.call_id = startless.call_id
    where calls.started_at is null
),

missed_calls as (
    select page.call_id
    from page
    anti join calls_at_their_start
        on page.call_id = calls_at_their_start.call_id
),

found_calls as materialized (
    select *
    from calls_at_their_start
    union all
    select
        calls.call_id,
        calls.detail,
        calls.listed_hash,
        calls.extracted_at
    from calls
    semi join missed_calls
        on calls.call_id = missed_calls.call_id
),

ids_at_their_moment as materialized (
    select
        etl_outcomes.call_id,
        etl_outcomes.run_id,
        etl_outcomes.outcome,
        etl_outcomes.fetched_at,
        etl_outcomes.recorded_at,
        etl_outcomes.first_seen_at,
        etl_outcomes.fetched_sequence,
        etl_outcomes.listed_sequence,
        etl_outcomes.listed_hash
    from etl_outcomes
    inner join (from found_calls where found_calls.detail = 'whole') as whole
        on etl_outcomes.fetched_at = whole.extracted_at
        and etl_outcomes.call_id = whole.call_id
    union all
    select
        etl_outcomes.call_id,
        etl_outcomes.run_id,
        etl_outcomes.outcome,
        etl_outcomes.fetched_at,
        etl_outcomes.recorded_at,
        etl_outcomes.first_seen_at,
        etl_outcomes.fetched_sequence,
        etl_outcomes.listed_sequence,
        etl_outcomes.listed_hash
    from etl_outcomes
    inner join (from found_calls where found_calls.detail = 'listed') as listed
        on etl_outcomes.listed_at = listed.extracted_at
        and etl_outcomes.call_id = listed.call_id
),

missed_ids as (
    select page.call_id
    from page
    anti join ids_at_their_moment
        on page.call_id = ids_at_their_moment.call_id
),

found_ids as (
    select *
    from ids_at_their_moment
    union all
    select
        etl_outcomes.call_id,
        etl_outcomes.run_id,
        etl_outcomes.outcome,
        etl_outcomes.fetched_at,
        etl_outcomes.recorded_at,
        etl_outcomes.first_seen_at,
        etl_outcomes.fetched_sequence,
        etl_outcomes.listed_sequence,
        etl_outcomes.listed_hash
    from etl_outcomes
    semi join missed_ids
        on etl_outcomes.call_id = missed_ids.call_id
),

compared as (
    select
        page.*,
        page.call_id in (select call_id from spooled_ids($spool)) as is_repeated,
        known.outcome as known_outcome,
        known.listed_hash as known_hash,
        coalesce(known.listed_sequence > known.fetched_sequence, false) as is_listed_since,
        known.first_seen_at as first_seen_at,
        known.recorded_at as recorded_at,
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
    left join found_ids as known
        on page.call_id = known.call_id
    left join found_calls as calls
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
    first_seen_at,
    recorded_at
from compared
order by position;
