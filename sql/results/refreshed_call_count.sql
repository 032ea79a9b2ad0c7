-- How many calls the days have whose results are stored now.
-- Grain: one row. Source: refreshed_days. Reads only.
select coalesce(sum(calls), 0) as calls
from refreshed_days;
