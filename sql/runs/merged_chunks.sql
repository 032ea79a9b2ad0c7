-- Records that merged chunks are loaded: they hold what was loaded from others.
-- Grain: chunk. Source: the manifests of merged chunks (`manifests`). A rerun adds nothing.
-- Parameters: $loaded_at (UTC), $load_id.
insert into etl_chunks by name
select
    chunk_id,
    run_id,
    path,
    record_count,
    byte_count,
    sha256,
    landed_at,
    cast($loaded_at as timestamp) as loaded_at,
    $load_id as load_id
from manifests
where chunk_id not in (select chunk_id from etl_chunks);
