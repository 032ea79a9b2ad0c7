-- When the newest call of the warehouse began, or was made where it has no start (UTC), and the zone of
-- days and hours.
-- Grain: one row, also in an empty warehouse. Source: calls. Reads only.
select
    max(dated_at) as latest_call_at,
    time_zone() as time_zone
from visible_calls() as calls;
