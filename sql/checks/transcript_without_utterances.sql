-- A call that has a transcript has its turns.
-- severity: warn
-- Grain: call that does not. Source: calls, utterances. Reads only.
-- A warning, because transcript_object is optional in the API. Shows the length, never the text.
select
    calls.call_id,
    calls.data_storage_setting,
    length(calls.transcript) as transcript_length
from calls
anti join utterances
    on calls.call_id = utterances.call_id
-- Not trimmed: the first letter answers, whatever the length.
where regexp_matches(calls.transcript, '[^ \t\r\n]')
order by calls.call_id asc nulls last;
