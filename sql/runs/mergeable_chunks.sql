-- Which of some chunks may be merged: those that are loaded, and that no run which is going on has landed.
-- Grain: chunk. Source: etl_chunks, other_runs. Reads only.
-- Parameters: $chunk_ids, a list; $run_id; $as_of (UTC).
select chunk_id
from etl_chunks
where
    chunk_id in (select unnest(cast($chunk_ids as varchar[])))
    and run_id not in (select run_id from other_runs(cast($as_of as timestamp), $run_id));
