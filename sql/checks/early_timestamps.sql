-- No call starts or ends before 2020.
-- severity: warn
-- Grain: call that does. Source: calls. Reads only.
-- The API is younger; seconds read as milliseconds land in January 1970.
select
    call_id,
    started_at,
    ended_at
from calls
where least(started_at, ended_at, transfer_ended_at) < timestamp '2020-01-01'
order by call_id asc nulls last;
