-- Stores what hourly_latency answers for the days that are refreshed.
-- Grain: hour × agent_id × metric. Source: refreshed_days; what the view reads.
-- A rerun replaces the same rows.
delete from stored_hourly_latency
where cast(hour as date) in (select day from refreshed_days);

insert into stored_hourly_latency by name
select * rename (period as hour)
from pooled_latency(
    date_trunc('hour', coalesce(started_at, first_seen_at)),
    cast(coalesce(started_at, first_seen_at) as date) in (select day from refreshed_days)
);
