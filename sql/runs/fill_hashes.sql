-- Keeps what a listing would say of calls that earlier versions have loaded.
-- Grain: call. Source: the file of hashes. A rerun sets the same.
-- Parameter: $hashes, path of a CSV of call_id, payload_hash and listed_hash, without a header.
update calls
set listed_hash = found.listed_hash
from
    read_csv(
        $hashes,
        auto_detect = false,
        header = false,
        delim = ',',
        quote = '',
        escape = '',
        hive_partitioning = false,
        columns = {call_id: 'varchar', payload_hash: 'varchar', listed_hash: 'varchar'}
    ) as found
where
    calls.call_id = found.call_id
    and calls.payload_hash = found.payload_hash;
