-- Records that warehouse and account agree on the calls between two moments.
-- Grain: run. Source: the parameters. Run once per run. Parameters: one per column.
insert into etl_reconciliations by name
select
    $run_id as run_id,
    cast($since as timestamp) as since_at,
    cast($until as timestamp) as until_at,
    cast($proved_at as timestamp) as proved_at,
    $listed as listed_count,
    $unchanged as unchanged_count,
    $missing as missing_count,
    $changed as changed_count,
    $deleted as deleted_count;
