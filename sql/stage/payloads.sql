-- Which payloads the load reads: of those in its files the newest of every call, and the files.
-- Grain: call. Source: answers. A rerun sets the same.
-- Parameter: $payloads, paths of the payload files: a view can have a variable, but no parameter.
create or replace temp view winners as
select
    payload_file,
    call_id,
    has_plain_speech,
    detail,
    listed_hash,
    payload_hash,
    fetched_at,
    sequence
from answers
where is_newest_payload;

set variable payloads = $payloads;
