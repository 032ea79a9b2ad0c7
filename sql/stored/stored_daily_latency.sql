-- Stores what daily_latency answers for the days that are refreshed.
-- Grain: day × agent_id × metric.
-- Source: refreshed_days; the macro latency_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_latency
where day in (select day from refreshed_days);

insert into stored_daily_latency by name
select *
from latency_by_day(
    day in (select day from refreshed_days)
);
