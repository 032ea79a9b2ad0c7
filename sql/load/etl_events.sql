-- Counts the events of this load, also those that become no rows.
-- Grain: chunk × event. Source: manifests, etl_chunks. A rerun adds nothing.
-- Run before etl_chunks: what is in a chunk that was loaded before was counted then.
insert into etl_events by name
with said as (
    select
        chunk_id,
        unnest(outcomes, max_depth := 2)
    from manifests
    where
        chunk_id not in (select etl_chunks.chunk_id from etl_chunks)
        -- One that was merged from chunks that were loaded.
        and not exists (
            select 1
            from etl_chunks
            where list_contains(manifests.merged, etl_chunks.chunk_id)
        )
)

select
    chunk_id,
    event."name" as event,
    count(*) as event_count,
    min(call_id) as first_id,
    min(fetched_at) as first_received_at,
    max(fetched_at) as last_received_at
from said
where event is not null
group by
    chunk_id,
    event."name";
