-- What became of calls as counts and rates, by a period, the agent and, where asked for, its version.
-- Grain: period × agent_id × agent_version. Source: the macro outcomes_of_calls, which defines each flag.
-- Parameters: period_of and version_of, expressions over its columns; version_of may be null;
-- chosen, a condition on columns of calls, to count only some of them.
-- Every rate stands beside the counts it is made of, and is null where its denominator is 0.
-- A rerun replaces the macro; it holds no data.
create or replace macro rated_outcomes(period_of, version_of, chosen := true) as table
select
    period_of as period,
    agent_id,
    version_of as agent_version,
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
    count(is_successful) filter (where is_conversation) as judged_conversations,
    count(*) filter (where is_conversation and is_successful) as successful_conversations,
    successful_conversations / nullif(judged_conversations, 0) as conversation_success_rate,
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
from outcomes_of_calls(chosen := chosen)
group by period, agent_id, version_of;
