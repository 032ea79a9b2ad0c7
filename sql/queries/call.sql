-- One call with its analysis and the latest outcome of its id.
-- Grain: at most one row. Source: etl_outcomes, calls, call_analysis. Reads only.
-- Parameter: $call_id.
select
    calls.* exclude (transcript, listed_hash, is_hidden),
    call_analysis.call_summary,
    call_analysis.user_sentiment,
    call_analysis.agent_sentiment,
    call_analysis.agent_task_completion_rating,
    call_analysis.agent_task_completion_rating_reason,
    call_analysis.call_completion_rating,
    call_analysis.call_completion_rating_reason,
    call_analysis.call_successful,
    call_analysis.in_voicemail,
    call_analysis.custom_analysis_data,
    call_analysis.extra as analysis_extra
from calls
left join call_analysis
    on calls.call_id = call_analysis.call_id
where calls.call_id = $call_id;
