-- Records that the chunks of this load are loaded.
-- Grain: chunk. Source: chunk manifests, this_load. A rerun adds nothing.
-- Parameters: $manifests, paths of the manifests.
insert into etl_chunks by name
select
    chunk_id,
    run_id,
    run_id || '/' || payload_file as path,
    record_count,
    byte_count,
    sha256,
    landed_at,
    this_load.recorded_at as loaded_at,
    this_load.load_id
from
    read_json(
        $manifests,
        format = 'newline_delimited',
        maximum_object_size = 268435456,
        columns = {
            chunk_id: 'varchar',
            run_id: 'varchar',
            payload_file: 'varchar',
            record_count: 'bigint',
            byte_count: 'bigint',
            sha256: 'varchar',
            landed_at: 'timestamp'
        }
    )
cross join this_load
where chunk_id not in (select chunk_id from etl_chunks);
