-- Takes the days of calls that are about to be hidden, or shown again, from those whose results hold.
-- Grain: day. Source: calls. Run before hide_deleted; a rerun changes nothing. Parameter: $hides_deleted.
delete from stored_days
where day in (
    select day
    from calls
    where is_hidden != (deleted_at_source_at is not null and cast($hides_deleted as boolean))
);
