-- Whether a disconnection reason means that nobody was ever on the line.
-- Grain: scalar, never null. Source: known_disconnection_reasons. A rerun replaces the macro.
create or replace macro ends_before_connection(reason) as
coalesce(
    reason in (
        select disconnection_reason
        from known_disconnection_reasons
        where reached = 'nobody'
    ),
    false
);
