-- Write the rows of some days from one table as Parquet, a folder per day.
-- Parameters: $table, its name; $days, the days; $folder, where to, which must not be there yet.
-- A day that a table has of its own is the folder's: it is not written twice.
copy (
    select
        source.*,
        calls.day_name as day
    from (select columns(lambda name: name != 'day') from query_table($table)) as source
    join (
        select
            call_id,
            strftime(day, '%Y-%m-%d') as day_name
        from calls
    ) as calls
        on calls.call_id = source.call_id
    where coalesce(calls.day_name, '__HIVE_DEFAULT_PARTITION__') in (select unnest($days))
    order by
        day asc nulls last,
        source.call_id asc nulls last
) to $folder (
    format parquet,
    compression zstd,
    partition_by (day)
);
