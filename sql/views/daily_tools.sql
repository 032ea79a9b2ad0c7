-- How often agents invoke each tool, and how that ends, by day and agent.
-- Grain: day × agent_id × name of the tool.
-- Source: stored_daily_tools; for days that are not stored, the macro
-- tools_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_tools as
select *
from stored_daily_tools
where day in (select day from stored_days)
union all by name
select *
from tools_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_tools is
    'How often agents invoke each tool, and how that ends, by day and agent';
