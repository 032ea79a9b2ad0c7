-- Which payloads the load reads: of those in its files the ones that become rows, and the files.
-- Grain: call. Source: landed. A rerun sets the same.
-- Parameter: $payloads, paths of the payload files: a view can have a variable, but no parameter.
create or replace temp view winners as
select
    payload_file,
    call_id,
    has_plain_speech,
    payload_hash,
    fetched_at,
    first_seen_at
from landed
where action = 'replace';

set variable payloads = $payloads;
