-- What is known of some calls, each in one row.
-- Grain: call. Source: calls, outcome_details, conversation_details, slow_call_details,
-- cost_details, call_analysis. Reads only. Neither phone numbers nor recordings: a report is passed
-- on.
-- Parameter: $call_ids.
select
    calls.call_id,
    calls.agent_id,
    calls.agent_name,
    calls.agent_version,
    calls.local_at as started_at,
    calls.duration_ms,
    coalesce(calls.direction, calls.call_type) as direction,
    calls.disconnection_reason,
    outcomes.category,
    outcomes.is_successful,
    outcomes.user_sentiment,
    analysis.call_summary,
    dialogue.agent_talk_ratio,
    dialogue.silence_rate,
    dialogue.longest_silence_s,
    dialogue.overlap_s,
    dialogue.agent_interruption_count,
    dialogue.user_interruption_count,
    dialogue.agent_response_p50_ms,
    dialogue.agent_response_p95_ms,
    slow.p50_ms,
    slow.p95_ms,
    slow.max_ms,
    slow.slow_metric,
    slow.slow_metric_p95_ms,
    slow.slow_metric_usual_p95_ms,
    costs.cost_cents
from visible_calls() as calls
left join outcome_details as outcomes
    on calls.call_id = outcomes.call_id
left join call_analysis as analysis
    on calls.call_id = analysis.call_id
left join conversation_details as dialogue
    on calls.call_id = dialogue.call_id
left join slow_call_details as slow
    on calls.call_id = slow.call_id
left join cost_details as costs
    on calls.call_id = costs.call_id
where list_contains($call_ids, calls.call_id)
order by calls.call_id asc nulls last;
