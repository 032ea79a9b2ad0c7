-- Fields of an analysis that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_call_analysis() as
[
    'call_summary', 'user_sentiment', 'agent_sentiment', 'agent_task_completion_rating',
    'agent_task_completion_rating_reason', 'call_completion_rating',
    'call_completion_rating_reason', 'call_successful', 'in_voicemail',
    'custom_analysis_data'
];
