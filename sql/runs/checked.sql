-- Records what the checks found, in place of what they found before.
-- Grain: check. Source: the parameters. A rerun replaces the same rows.
-- Parameters: $results, a list of check_name, severity and offending_rows; $checked_at (UTC).
insert into etl_checks by name
select
    unnest($results, recursive := true),
    cast($checked_at as timestamp) as checked_at;
