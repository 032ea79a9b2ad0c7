-- The parts in which the gathered days are stored, with their calls.
-- Grain: part. Source: gathered_days. Reads only.
select
    part,
    sum(calls) as calls
from gathered_days
group by part
order by part asc nulls last;
