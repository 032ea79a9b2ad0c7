-- Stores what daily_slow_turns answers for the days that are refreshed.
-- Grain: day × agent_id × metric × threshold_ms.
-- Source: refreshed_days; the macro slow_turns_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_slow_turns
where day in (select day from refreshed_days);

insert into stored_daily_slow_turns by name
select *
from slow_turns_by_day(
    day in (select day from refreshed_days)
);
