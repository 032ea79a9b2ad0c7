-- Every call has one row in calls.
-- severity: fail
-- Grain: call that has more. Source: calls. Reads only.
select
    call_id,
    count(*) as row_count
from calls
group by call_id
having count(*) > 1
order by call_id asc nulls last;
