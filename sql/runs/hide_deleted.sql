-- Hides calls that are deleted at the source, or shows them again.
-- Grain: call. Source: calls. A rerun changes nothing. Parameter: $hides_deleted.
update calls
set is_hidden = not is_hidden
where
    deleted_at_source_at is not null
    and is_hidden != cast($hides_deleted as boolean);
