-- The latest runs, the newest first.
-- Grain: run. Source: etl_runs. Reads only.
select
    run_id,
    command,
    status,
    started_at,
    finished_at,
    requested_count,
    fetched_count,
    request_count,
    retry_count,
    allowed_calls_per_second,
    detail
from etl_runs
order by
    started_at desc nulls last,
    run_id desc nulls last
limit 5;
