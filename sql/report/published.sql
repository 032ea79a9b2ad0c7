-- How fresh a readers' copy is, and the zone of days and hours. Only a copy can answer.
-- Grain: one row. Source: published. Reads only.
select
    published_at,
    run_id,
    calls,
    latest_call_at,
    time_zone() as time_zone
from published;
