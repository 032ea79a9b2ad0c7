-- How many ids the plan fetches and how many it leaves, by reason.
-- Grain: action. Source: planned. Reads only.
select
    action,
    count(*) as ids
from planned
group by action;
