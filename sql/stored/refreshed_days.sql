-- The days whose results are stored now: a part of those that are gathered.
-- Grain: day. Source: gathered_days. A rerun replaces the temporary table.
-- Parameter: $part.
create or replace temp table refreshed_days as
select day
from gathered_days
where part = $part;
