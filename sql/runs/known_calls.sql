-- The calls of the requested ids that the warehouse has.
-- Grain: call. Source: requested, known_ids, calls. A rerun replaces the temporary table.
-- Calls lie in the order in which they came, and the ledger says when that was: so a call is looked for at
-- that moment first, where DuckDB passes over all others. What is not found there is looked for among all.
create or replace temp table known_calls as
with at_their_moment as (
    select
        calls.call_id,
        calls.call_status,
        calls.detail,
        calls.started_at,
        calls.ended_at,
        calls.transfer_ended_at,
        calls.disconnection_reason,
        calls.first_seen_at,
        calls.extracted_at
    from calls
    inner join known_ids
        on calls.extracted_at = known_ids.fetched_at
        and calls.call_id = known_ids.call_id
),

missed as (
    select requested.call_id
    from requested
    anti join at_their_moment
        on requested.call_id = at_their_moment.call_id
)

select *
from at_their_moment
union all
select
    calls.call_id,
    calls.call_status,
    calls.detail,
    calls.started_at,
    calls.ended_at,
    calls.transfer_ended_at,
    calls.disconnection_reason,
    calls.first_seen_at,
    calls.extracted_at
from calls
semi join missed
    on calls.call_id = missed.call_id;
