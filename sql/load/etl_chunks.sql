-- Records that the chunks of this load are loaded.
-- Grain: chunk. Source: manifests, this_load. A rerun adds nothing.
insert into etl_chunks by name
select
    chunk_id,
    run_id,
    path,
    record_count,
    byte_count,
    sha256,
    landed_at,
    this_load.recorded_at as loaded_at,
    this_load.load_id
from manifests
cross join this_load
where chunk_id not in (select chunk_id from etl_chunks);
