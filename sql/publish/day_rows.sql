-- Write the rows of some days from one table as Parquet, a folder per day.
-- Parameters: $table, its name; $days, the days; $folder, where to, which must not be there yet.
copy (
    select
        source.*,
        coalesce(strftime(calls.day, '%Y-%m-%d'), 'unknown') as day
    from query_table($table) as source
    join calls
        on calls.call_id = source.call_id
    where coalesce(strftime(calls.day, '%Y-%m-%d'), 'unknown') in (select unnest($days))
    order by
        day,
        source.call_id
) to $folder (
    format parquet,
    compression zstd,
    partition_by (day)
);
