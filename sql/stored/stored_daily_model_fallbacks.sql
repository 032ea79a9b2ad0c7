-- Stores what daily_model_fallbacks answers for the days that are refreshed.
-- Grain: day × agent_id × primary_model × backup_model × fallback_reason.
-- Source: refreshed_days; the macro model_fallbacks_by_day.
-- A rerun replaces the same rows.
delete from stored_daily_model_fallbacks
where day in (select day from refreshed_days);

insert into stored_daily_model_fallbacks by name
select *
from model_fallbacks_by_day(
    day in (select day from refreshed_days)
);
