-- Whether every payload that is to replace rows was found in the landed files, once.
-- Grain: one row. Source: landed, staged. Reads only.
select
    count(*) = (select count(*) from landed where action = 'replace')
    and count(*) = count(distinct call_id) as is_complete
from staged;
