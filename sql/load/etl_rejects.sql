-- Records the quarantined payloads of this load and closes those a later payload has settled.
-- Grain: call id × quarantined payload. Source: landed, etl_chunks, calls. A rerun adds nothing.
--
-- The same payload again is the same reject, seen once more: body_hash tells it, or its file in quarantine where
-- an earlier version landed it. What is in a chunk that was loaded before was counted then.
create or replace temp table rejected as
select
    call_id,
    coalesce(body_hash, quarantine_path) as body,
    body_hash,
    quarantine_path as path,
    run_id,
    reason,
    coalesce(json_path, '$') as json_path,
    value,
    http_status,
    detail,
    fetched_at,
    sequence,
    chunk_id not in (
        select etl_chunks.chunk_id
        from etl_chunks
        union all
        -- One that was merged from chunks that were loaded.
        select merged_chunks.chunk_id
        from (select chunk_id, unnest(merged) as source_id from manifests) as merged_chunks
        inner join etl_chunks
            on merged_chunks.source_id = etl_chunks.chunk_id
    ) as is_new
from landed
where outcome = 'rejected';

update etl_rejects
set
    reason = if(again.sequence >= known.sequence, again.reason, known.reason),
    json_path = if(again.sequence >= known.sequence, again.json_path, known.json_path),
    value = if(again.sequence >= known.sequence, again.value, known.value),
    http_status = if(again.sequence >= known.sequence, again.http_status, known.http_status),
    -- One that was settled and comes again is news of the run that brings it.
    run_id = case
        when known.resolved_at is not null and again.sequence > known.sequence then again.last_run_id
        when again.first_seen_at < known.rejected_at then again.first_run_id
        else known.run_id
    end,
    rejected_at = least(known.rejected_at, again.first_seen_at),
    seen_count = known.seen_count + again.seen_count,
    last_seen_at = if(again.sequence >= known.sequence, again.last_seen_at, known.last_seen_at),
    sequence = greatest(known.sequence, again.sequence),
    -- Set again below, where the call has a payload that is newer still.
    resolved_at = if(again.sequence > known.sequence, null, known.resolved_at)
from
    (
        select
            call_id,
            coalesce(body_hash, path) as body,
            run_id,
            reason,
            json_path,
            value,
            http_status,
            rejected_at,
            resolved_at,
            coalesce(seen_count, 1) as seen_count,
            coalesce(last_seen_at, rejected_at) as last_seen_at,
            sequence
        from etl_rejects
    ) as known
inner join
    (
        select
            call_id,
            body,
            count(*) as seen_count,
            min(fetched_at) as first_seen_at,
            arg_max(fetched_at, sequence) as last_seen_at,
            max(sequence) as sequence,
            arg_min(run_id, sequence) as first_run_id,
            arg_max(run_id, sequence) as last_run_id,
            arg_max(reason, sequence) as reason,
            arg_max(json_path, sequence) as json_path,
            last(value order by sequence) as value,
            last(http_status order by sequence) as http_status
        from rejected
        where is_new
        group by call_id, body
    ) as again
    on
        known.call_id = again.call_id
        and known.body = again.body
where
    etl_rejects.call_id = known.call_id
    and coalesce(etl_rejects.body_hash, etl_rejects.path) = known.body;

insert into etl_rejects by name
select
    call_id,
    arg_min(run_id, sequence) as run_id,
    arg_max(reason, sequence) as reason,
    arg_max(json_path, sequence) as json_path,
    last(value order by sequence) as value,
    last(http_status order by sequence) as http_status,
    any_value(path) as path,
    min(fetched_at) as rejected_at,
    any_value(body_hash) as body_hash,
    arg_max(detail, sequence) as detail,
    count(*) as seen_count,
    arg_max(fetched_at, sequence) as last_seen_at,
    max(sequence) as sequence
from rejected
where
    (call_id, body) not in (
        select (call_id, coalesce(body_hash, path))
        from etl_rejects
    )
group by call_id, body;

-- What a listing says of a call does not settle that its whole payload was rejected.
update etl_rejects
set resolved_at = calls.extracted_at
from calls
where
    etl_rejects.call_id = calls.call_id
    and etl_rejects.resolved_at is null
    and calls.sequence >= etl_rejects.sequence
    and (calls.detail = 'whole' or coalesce(etl_rejects.detail, 'listed') = 'listed');
