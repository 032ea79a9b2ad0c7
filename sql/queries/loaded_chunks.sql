-- Which of some chunks are loaded.
-- Grain: chunk. Source: etl_chunks. Reads only. Parameter: $chunk_ids, a list.
select chunk_id
from etl_chunks
where chunk_id in (select unnest(cast($chunk_ids as varchar[])));
