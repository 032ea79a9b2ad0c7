-- Which chunks of each run are loaded, as a fingerprint that is another one for any other chunks.
-- Grain: run. Source: etl_chunks. Reads only.
select
    run_id,
    count(*) || '-' || bit_xor(hash(chunk_id)) as fingerprint
from etl_chunks
group by run_id;
