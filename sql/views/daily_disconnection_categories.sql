-- Why calls ended, by day, agent and category of the reason.
-- Grain: day × agent_id × category.
-- Source: stored_daily_disconnection_categories; for days that are not stored, the macro
-- disconnection_categories_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnection_categories as
select *
from stored_daily_disconnection_categories
where day in (select day from stored_days)
union all by name
select *
from disconnection_categories_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_disconnection_categories is
    'Why calls ended, by day, agent and category of the reason';
comment on column daily_disconnection_categories.calls is
    'Calls that are over and ended for a reason of this category';
