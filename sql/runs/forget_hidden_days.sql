-- Takes the days of calls that are about to be hidden, or shown again, from those whose results hold.
-- Grain: day. Source: calls. Run before hide_deleted; a rerun changes nothing. Parameter: $hides_deleted.
-- Only a call that is deleted at its source is ever hidden: the others are passed over unread.
delete from stored_days
where day in (
    select day
    from calls
    where
        deleted_at_source_at is not null
        and is_hidden != cast($hides_deleted as boolean)
);
