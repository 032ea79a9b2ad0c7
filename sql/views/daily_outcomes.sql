-- What became of the calls of each day and agent.
-- Grain: day × agent_id. Source: the macro outcomes_of_calls, which holds the definitions.
-- Every rate stands beside the counts it is made of, and is null where its denominator is 0.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_outcomes as
select
    day,
    agent_id,
    count(*) as calls,
    count(*) filter (where is_over) as over_calls,
    count(*) filter (where is_over and is_connected) as connected_calls,
    connected_calls / nullif(over_calls, 0) as connect_rate,
    count(*) filter (where is_conversation) as conversations,
    avg(connected_ms) as avg_connected_ms,
    quantile_cont(connected_ms, 0.5) as median_connected_ms,
    count(is_successful) as judged_calls,
    count(*) filter (where is_successful) as successful_calls,
    successful_calls / nullif(judged_calls, 0) as success_rate,
    count(agent_task_completion_rating) as task_rated_calls,
    count(*) filter (where agent_task_completion_rating = 'Complete')
        / nullif(task_rated_calls, 0) as task_complete_rate,
    count(call_completion_rating) as call_rated_calls,
    count(*) filter (where call_completion_rating = 'Complete')
        / nullif(call_rated_calls, 0) as call_complete_rate,
    count(*) filter (where user_sentiment in ('Positive', 'Neutral', 'Negative'))
        as sentiment_calls,
    count(*) filter (where user_sentiment = 'Positive') / nullif(sentiment_calls, 0)
        as positive_rate,
    count(*) filter (where user_sentiment = 'Negative') / nullif(sentiment_calls, 0)
        as negative_rate,
    count(*) filter (where is_voicemail) as voicemail_calls,
    voicemail_calls / nullif(connected_calls, 0) as voicemail_rate,
    count(*) filter (where is_ivr) as ivr_calls,
    ivr_calls / nullif(connected_calls, 0) as ivr_rate,
    count(*) filter (where is_transfer_attempt) as transfer_attempts,
    count(*) filter (where is_transferred) as transferred_calls,
    transferred_calls / nullif(transfer_attempts, 0) as transfer_success_rate,
    count(*) filter (where is_contained) as contained_calls,
    contained_calls / nullif(conversations, 0) as containment_rate,
    count(*) filter (where is_early_hangup) as early_hangups,
    early_hangups / nullif(conversations, 0) as early_hangup_rate
from outcomes_of_calls()
group by day, agent_id;

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
