-- The landed chunks that can hold a call's payload: it was landed soon after it was fetched.
-- Grain: chunk. Source: etl_chunks, calls. Reads only. Parameter: $call_id.
select
    etl_chunks.path,
    calls.payload_hash
from calls
inner join etl_chunks
    on etl_chunks.landed_at >= calls.extracted_at
where
    calls.call_id = $call_id
    and etl_chunks.path is not null
order by
    etl_chunks.landed_at asc nulls last,
    etl_chunks.chunk_id asc nulls last;
