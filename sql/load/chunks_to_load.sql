-- The chunks of this load that are not loaded yet: another process may have loaded some meanwhile.
-- Grain: chunk. Source: manifests, etl_chunks. Reads only.
select chunk_id
from manifests
anti join etl_chunks
    on manifests.chunk_id = etl_chunks.chunk_id;
