-- Stores what daily_latency answers for the days that are refreshed.
-- Grain: day × agent_id × metric. Source: refreshed_days; what the view reads.
-- A rerun replaces the same rows.
delete from stored_daily_latency
where day in (select day from refreshed_days);

insert into stored_daily_latency by name
select * rename (period as day)
from pooled_latency(
    cast(coalesce(started_at, first_seen_at) as date),
    cast(coalesce(started_at, first_seen_at) as date) in (select day from refreshed_days)
);
