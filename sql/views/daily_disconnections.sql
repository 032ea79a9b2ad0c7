-- Why calls ended, by day and agent.
-- Grain: day × agent_id × disconnection_reason, both of which may be null.
-- Source: stored_daily_disconnections; for days that are not stored, the macro
-- disconnections_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnections as
select *
from stored_daily_disconnections
where day in (select day from stored_days)
union all by name
select *
from disconnections_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_disconnections is
    'Why calls ended, by day and agent: count, share and average duration of calls that are over';
