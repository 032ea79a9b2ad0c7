-- The calls of which it is not known what a listing would say, and where their payloads are landed.
-- Grain: call. Source: calls, etl_chunks. Reads only.
-- Versions before this one kept no such hash.
select
    etl_chunks.path,
    calls.call_id,
    calls.payload_hash
from calls
inner join etl_chunks
    -- A chunk is landed seconds after its payloads were fetched.
    on etl_chunks.landed_at between calls.extracted_at and calls.extracted_at + interval 10 minutes
where
    calls.listed_hash is null
    and calls.detail = 'whole'
    and etl_chunks.path is not null
order by etl_chunks.path;
