-- When the newest call of the warehouse began, or was first seen if it never did (UTC).
-- Grain: one row, also in an empty warehouse. Source: calls. Reads only.
select max(coalesce(started_at, first_seen_at)) as latest_call_at
from visible_calls() as calls;
