-- Which chunks are loaded, as a fingerprint that is another one for any other chunks.
-- Grain: one row. Source: etl_chunks. Reads only.
select count(*) || '-' || coalesce(bit_xor(hash(chunk_id)), 0) as fingerprint
from etl_chunks;
