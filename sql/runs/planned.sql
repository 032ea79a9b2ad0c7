-- What is to be done for every requested id: fetch it, or leave it because nothing new is expected.
-- Grain: call id. Source: requested, known_ids, known_calls, finality_of_calls.
-- A rerun replaces the temporary table.
-- Parameters: $force, fetch all; $as_of (UTC); $refresh_window_s; $refetch_after_s, how long a call
-- that is not final rests after it was fetched.
create or replace temp table planned as
with known as (
    select
        requested.call_id,
        requested.position,
        coalesce(calls.is_whole, false) as is_whole,
        known_ids.outcome,
        calls.is_final,
        greatest(
            case when calls.is_whole then calls.extracted_at end,
            -- Only an answer with the call itself lets it rest.
            case
                when known_ids.outcome in ('loaded', 'unchanged', 'not_final')
                    then known_ids.fetched_at
            end
        ) as last_fetched_at
    from requested
    left join finality_of_calls(
        'known_calls', cast($as_of as timestamp), cast($refresh_window_s as double)
    ) as calls
        on requested.call_id = calls.call_id
    left join known_ids
        on requested.call_id = known_ids.call_id
)

select
    call_id,
    position,
    case
        when cast($force as boolean) then 'fetch'
        when outcome = 'deleted' then 'deleted'
        when not is_whole or outcome = 'changed' then 'fetch'
        when is_final then 'unchanged'
        when
            last_fetched_at
            > cast($as_of as timestamp) - to_seconds(cast($refetch_after_s as double))
            -- A clock that was ahead lets no call rest until then.
            and last_fetched_at <= cast($as_of as timestamp)
            then 'not_final'
        else 'fetch'
    end as action
from known;
