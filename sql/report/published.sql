-- How fresh a readers' copy is. Only a copy can answer.
-- Grain: one row. Source: published. Reads only.
select
    published_at,
    run_id,
    calls,
    latest_call_at
from published;
