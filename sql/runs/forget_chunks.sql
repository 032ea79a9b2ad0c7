-- Forgets chunks that are not landed any more, because merged ones took their place.
-- Grain: chunk. Source: etl_chunks. A rerun changes nothing. Parameter: $chunk_ids, a list.
delete from etl_chunks
where chunk_id in (select unnest(cast($chunk_ids as varchar[])));
