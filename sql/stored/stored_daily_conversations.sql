-- Stores what daily_conversations answers for the days that are refreshed.
-- Grain: day × agent_id.
-- Source: refreshed_days; the macro conversations_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_conversations
where day in (select day from refreshed_days);

insert into stored_daily_conversations by name
select *
from conversations_by_day(
    day in (select day from refreshed_days)
);
