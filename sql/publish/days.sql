-- What each day of calls holds, to compare with what was written of it before.
-- Grain: day on which calls started, or were first seen if they never did. Source: calls. Reads only.
-- The fingerprint is that of the calls and of the loads that brought them: every other table follows from those.
select
    strftime(coalesce(started_at, first_seen_at), '%Y-%m-%d') as day,
    count(*) as calls,
    bit_xor(hash(call_id, load_id))::varchar as fingerprint
from calls
group by day
order by day;
