-- What this load is: the values that its statements stamp on rows.
-- Grain: one row. Source: the parameters. A rerun replaces the temporary table.
-- Parameters: $load_id, $recorded_at (UTC), $refresh_window_s; $hides_deleted, whether views leave out the
-- calls that are deleted at the source.
create or replace temp table this_load as
select
    $load_id as load_id,
    cast($recorded_at as timestamp) as recorded_at,
    cast($refresh_window_s as double) as refresh_window_s,
    cast($hides_deleted as boolean) as hides_deleted,
    time_zone() as time_zone;
