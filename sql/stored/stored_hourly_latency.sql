-- Stores what hourly_latency answers for the days that are refreshed.
-- Grain: hour × agent_id × metric.
-- Source: refreshed_days; the macro latency_by_hour.
-- A rerun replaces the same rows.
delete from stored_hourly_latency
where cast(hour as date) in (select day from refreshed_days);

insert into stored_hourly_latency by name
select *
from latency_by_hour(
    day in (select day from refreshed_days)
);
