-- What each day of calls holds, to compare with what was written of it before.
-- Grain: day of calls; by its name as a folder, that of calls without a date too. Source: calls. Reads only.
-- The fingerprint is that of the calls and of the loads that brought them: every other table follows from those.
select
    coalesce(strftime(calls.day, '%Y-%m-%d'), '__HIVE_DEFAULT_PARTITION__') as day,
    count(*) as calls,
    bit_xor(hash(call_id, load_id))::varchar as fingerprint
from calls
group by day
order by day;
