-- The ids to fetch, in the order they were given.
-- Grain: call id. Source: planned. Reads only.
select call_id
from planned
where action = 'fetch'
order by position;
