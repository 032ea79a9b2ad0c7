-- Holds the results of daily_model_fallbacks for the days in stored_days.
-- Grain: day × agent_id × primary_model × backup_model × fallback_reason.
-- Source: the macro model_fallbacks_by_day, whose columns it has.
-- A rerun empties it: it comes with new views, for which no result holds.
create or replace table stored_daily_model_fallbacks as
select *
from model_fallbacks_by_day()
with no data;

comment on table stored_daily_model_fallbacks is
    'Results of the view daily_model_fallbacks for the days in stored_days: ask the view';
