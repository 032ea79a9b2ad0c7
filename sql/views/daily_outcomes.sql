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
    chosen := cast(coalesce(started_at, first_seen_at) as date)
        not in (select day from stored_days)
);

comment on view daily_outcomes is
    'What became of the calls of each day and agent, each rate with its counts';
comment on column daily_outcomes.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_outcomes.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_outcomes.calls is 'Calls of any status';
comment on column daily_outcomes.over_calls is 'Calls that are neither registered nor ongoing';
comment on column daily_outcomes.connected_calls is
    'Calls that are over and connected, to a person or a machine';
comment on column daily_outcomes.connect_rate is
    'connected_calls / over_calls, 0 to 1; null where no call is over';
comment on column daily_outcomes.conversations is
    'Connected calls that are over and reached neither voicemail nor IVR';
comment on column daily_outcomes.avg_connected_ms is
    'Average duration of connected_calls in ms; null without any';
comment on column daily_outcomes.median_connected_ms is
    'Median duration of connected_calls in ms; null without any';
comment on column daily_outcomes.judged_calls is
    'connected_calls whose analysis says call_successful, true or false; 0 in v1';
comment on column daily_outcomes.successful_calls is 'judged_calls that reached their goal';
comment on column daily_outcomes.success_rate is
    'successful_calls / judged_calls, 0 to 1: only connected calls count; null without a '
    'verdict, as in v1';
comment on column daily_outcomes.task_rated_calls is
    'connected_calls with an agent_task_completion_rating (v1)';
comment on column daily_outcomes.task_complete_rate is
    'Share of task_rated_calls rated Complete, 0 to 1; null without a rating';
comment on column daily_outcomes.call_rated_calls is
    'connected_calls with a call_completion_rating (v1)';
comment on column daily_outcomes.call_complete_rate is
    'Share of call_rated_calls rated Complete, 0 to 1; null without a rating';
comment on column daily_outcomes.sentiment_calls is
    'connected_calls whose user sentiment is Positive, Neutral or Negative';
comment on column daily_outcomes.positive_rate is
    'Share of sentiment_calls that are Positive, 0 to 1; null without any';
comment on column daily_outcomes.negative_rate is
    'Share of sentiment_calls that are Negative, 0 to 1; null without any';
comment on column daily_outcomes.voicemail_calls is
    'connected_calls that a voicemail or machine answered';
comment on column daily_outcomes.voicemail_rate is
    'voicemail_calls / connected_calls, 0 to 1; null without connected calls';
comment on column daily_outcomes.ivr_calls is 'connected_calls that an IVR answered';
comment on column daily_outcomes.ivr_rate is
    'ivr_calls / connected_calls, 0 to 1; null without connected calls';
comment on column daily_outcomes.transfer_attempts is
    'connected_calls in which a transfer was tried';
comment on column daily_outcomes.transferred_calls is 'transfer_attempts that handed the call over';
comment on column daily_outcomes.transfer_success_rate is
    'transferred_calls / transfer_attempts, 0 to 1; null without attempts';
comment on column daily_outcomes.contained_calls is
    'conversations that ended by a hang-up and in which no transfer was tried';
comment on column daily_outcomes.containment_rate is
    'contained_calls / conversations, 0 to 1; null without conversations';
comment on column daily_outcomes.early_hangups is
    'conversations in which the user hung up within 10 s';
comment on column daily_outcomes.early_hangup_rate is
    'early_hangups / conversations, 0 to 1; null without conversations';
