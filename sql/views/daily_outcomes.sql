-- What became of the calls of each day and agent.
-- Grain: day × agent_id.
-- Source: stored_daily_outcomes; for days that are not stored, the macro
-- outcomes_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_outcomes as
select *
from stored_daily_outcomes
where day in (select day from stored_days)
union all by name
select *
from outcomes_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_outcomes is
    'What became of the calls of each day and agent, each rate with its counts';
comment on column daily_outcomes.avg_connected_ms is
    'Average duration of connected_calls in ms; null without any';
comment on column daily_outcomes.successful_conversations is
    'judged_conversations that reached their goal';
comment on column daily_outcomes.voicemail_calls is
    'connected_calls that a voicemail or machine answered';
comment on column daily_outcomes.ivr_calls is 'connected_calls that an IVR answered';
comment on column daily_outcomes.ivr_rate is
    'ivr_calls / connected_calls, 0 to 1; null without connected calls';
comment on column daily_outcomes.transferred_calls is 'transfer_attempts that handed the call over';
comment on column daily_outcomes.contained_calls is
    'conversations that ended by a hang-up: no transfer was tried, and nobody asked to stop';
comment on column daily_outcomes.early_hangups is
    'conversations in which the user hung up within 10 s';
