-- Takes the days of the calls that this load replaces or adds from those whose stored results hold.
-- Grain: day. Source: calls, landed. A rerun changes nothing.
-- Run before rows are replaced, for the days that calls leave, and after, for those they come to.
-- A call that never started may move to another day without being replaced, when it turns out that
-- it was seen earlier.
delete from stored_days
where day in (
    select calls.day
    from calls
    inner join landed
        on calls.call_id = landed.call_id
    where
        (landed.outcome = 'accepted' and (landed.action = 'replace' or calls.started_at is null))
        -- A call that is gone at its source may be hidden.
        or landed.outcome = 'not_found'
        or calls.deleted_at_source_at is not null
);
