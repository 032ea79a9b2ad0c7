-- The ids of a spool file, with their places and, where that is known, when their outcome was recorded.
-- Grain: line. Source: the file. A rerun replaces the macro; it holds no data.
-- Parameter: spool, path of a CSV of position, call_id and, where a listing knows it, recorded_at (UTC),
-- without a header.
create or replace macro spooled_ids(spool) as table
select
    position,
    call_id,
    recorded_at
from
    read_csv(
        spool,
        auto_detect = false,
        header = false,
        delim = ',',
        quote = '',
        escape = '',
        hive_partitioning = false,
        null_padding = true,
        columns = {position: 'bigint', call_id: 'varchar', recorded_at: 'timestamp'}
    );
