-- The ids of a spool file, with their places.
-- Grain: line. Source: the file. A rerun replaces the macro; it holds no data.
-- Parameter: spool, path of a CSV of position and call_id, without a header.
create or replace macro spooled_ids(spool) as table
select
    position,
    call_id
from
    read_csv(
        spool,
        auto_detect = false,
        header = false,
        delim = ',',
        quote = '',
        escape = '',
        hive_partitioning = false,
        columns = {position: 'bigint', call_id: 'varchar'}
    );
