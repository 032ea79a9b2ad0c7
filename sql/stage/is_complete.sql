-- Whether every payload that is to be read was found in the landed files, once.
-- Grain: one row. Source: winners, staged. Reads only.
select
    count(*) = (select count(*) from winners)
    and count(*) = count(distinct call_id) as is_complete
from staged;
