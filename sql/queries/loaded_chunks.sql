-- Ids of the chunks that are loaded.
-- Grain: chunk. Source: etl_chunks. Reads only.
select chunk_id
from etl_chunks;
