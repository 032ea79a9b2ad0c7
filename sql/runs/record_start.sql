-- Records that a run began.
-- Grain: run. Source: the parameters. Run once per run.
-- Parameters: one per column.
insert into etl_runs by name
select
    $run_id as run_id,
    $command as command,
    'running' as status,
    cast($started_at as timestamp) as started_at,
    $requested_count as requested_count,
    $host as host,
    $pid as pid,
    $pipeline_version as pipeline_version;
