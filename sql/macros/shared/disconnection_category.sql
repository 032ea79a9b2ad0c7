-- Category of a disconnection reason: who or what ended the call.
-- Grain: scalar. Source: known_disconnection_reasons. A rerun replaces the macro.
-- A null reason is 'none'; a reason that is not listed, such as a newer one, is 'unknown'.
-- The columns have other names inside, because the argument may be a column of the same name.
create or replace macro disconnection_category(reason) as
case
    when reason is null then 'none'
    else coalesce(
        (
            select known.known_category
            from (
                select
                    disconnection_reason as known_reason,
                    category as known_category
                from known_disconnection_reasons
            ) as known
            where known.known_reason = reason
        ),
        'unknown'
    )
end;
