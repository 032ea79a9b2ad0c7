-- When the newest call of the warehouse began, or was made where it has no start (UTC).
-- Grain: one row, also in an empty warehouse. Source: calls. Reads only.
select max(dated_at) as latest_call_at
from visible_calls() as calls;
