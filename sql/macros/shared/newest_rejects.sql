-- The payload of each call id that was rejected last.
-- Grain: call id. Source: etl_rejects. No parameters.
-- A rerun replaces the macro; it holds no data.
create or replace macro newest_rejects() as table
select *
from etl_rejects
qualify
    row_number() over (
        partition by call_id
        order by sequence desc nulls last, path desc nulls last
    ) = 1;
