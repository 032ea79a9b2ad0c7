-- Note in a readers' copy when it was made and after which run; the warehouse itself has no such table.
-- Grain: one row. Parameters: $published_at (UTC), $run_id. A rerun replaces the row.
create or replace table etl_published as
select
    $published_at::timestamp as published_at,
    $run_id::varchar as run_id;
