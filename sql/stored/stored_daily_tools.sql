-- Stores what daily_tools answers for the days that are refreshed.
-- Grain: day × agent_id × name of the tool.
-- Source: refreshed_days; the macro tools_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_tools
where day in (select day from refreshed_days);

insert into stored_daily_tools by name
select *
from tools_by_day(
    day in (select day from refreshed_days)
);
