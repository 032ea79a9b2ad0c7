-- How often another model took the place of the one that was to answer, by day and agent.
-- Grain: day × agent_id × primary_model × backup_model × fallback_reason.
-- Source: stored_daily_model_fallbacks; for days that are not stored, the macro
-- model_fallbacks_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_model_fallbacks as
select *
from stored_daily_model_fallbacks
where day in (select day from stored_days)
union all by name
select *
from model_fallbacks_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_model_fallbacks is
    'How often another model took the place of the one that was to answer, by day and agent';
comment on column daily_model_fallbacks.primary_model is 'Model that was to answer, as sent';
comment on column daily_model_fallbacks.turns is 'Turns that the backup model spoke';
comment on column daily_model_fallbacks.tool_invocations is
    'Invocations of tools that the backup model made';
comment on column daily_model_fallbacks.calls is 'Calls with any of these turns or invocations';
comment on column daily_model_fallbacks.fallback_p50_ms is
    'Median over these turns and invocations of the time that choosing took, in ms; null where '
    'none says';
comment on column daily_model_fallbacks.fallback_p95_ms is
    '95th percentile over these turns and invocations of the time that choosing took, in ms; null '
    'where none says';
