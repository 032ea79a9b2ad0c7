-- What became of every call: the definitions that every rate of outcomes is made of.
-- Grain: call. Source: calls, call_analysis, tool_calls, call_costs, utterances,
-- known_disconnection_reasons.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data.
-- outcome_details shows it; a macro, because views that read it are made in the order of their names.
-- A flag is null where it cannot be known yet: while a call is not over, and without an analysis.
create or replace macro outcomes_of_calls(chosen := true) as table
with chosen_calls as (
    select *
    from visible_calls() as calls
    where chosen
),

-- A leg that was paid for, or a target that spoke, was called, whatever the reason says.
transfers_tried as (
    select call_id
    from tool_calls
    where 'transfer_call' in (name, type)
    union
    select call_id
    from call_costs
    where is_transfer_leg_cost
    union
    select call_id
    from utterances
    where role = 'transfer_target'
),

facts as (
    select
        calls.call_id,
        calls.day,
        calls.agent_id,
        calls.agent_version,
        calls.direction,
        calls.to_number,
        calls.disconnection_reason,
        disconnection_category(calls.disconnection_reason) as category,
        calls.duration_ms,
        calls.call_status not in ('registered', 'ongoing') as is_over,
        is_connected(calls.call_status, calls.started_at, calls.disconnection_reason)
            as is_connected,
        call_analysis.in_voicemail,
        known.reached,
        calls.transfer_destination is not null or transfers_tried.call_id is not null
            as has_tried_transfer,
        calls.transfer_ended_at is not null as has_ended_transfer,
        call_analysis.user_sentiment,
        call_analysis.call_successful,
        call_analysis.agent_task_completion_rating,
        call_analysis.call_completion_rating
    from chosen_calls as calls
    left join analyses_of_calls() as call_analysis
        on calls.call_id = call_analysis.call_id
    left join transfers_tried
        on calls.call_id = transfers_tried.call_id
    left join known_disconnection_reasons as known
        on calls.disconnection_reason = known.disconnection_reason
),

flagged as (
    select
        *,
        is_over and is_connected as is_connected_and_over,
        category = 'transferred' or has_tried_transfer as is_transfer_tried,
        coalesce(reached = 'transfer_target', false) or has_ended_transfer as is_handed_over,
        coalesce(in_voicemail, false)
        or coalesce(reached = 'voicemail', false) as reached_voicemail,
        coalesce(reached = 'ivr', false) as reached_ivr,
        is_connected_and_over and not reached_voicemail and not reached_ivr as is_conversation
    from facts
)

select
    call_id,
    day,
    agent_id,
    agent_version,
    direction,
    to_number,
    disconnection_reason,
    category,
    is_over,
    is_connected,
    is_conversation,
    case when is_connected_and_over then duration_ms end as connected_ms,
    case when is_connected_and_over then reached_voicemail end as is_voicemail,
    case when is_connected_and_over then reached_ivr end as is_ivr,
    case when is_connected_and_over then is_transfer_tried or is_handed_over end
        as is_transfer_attempt,
    case
        when is_connected_and_over and (is_transfer_tried or is_handed_over) then is_handed_over
    end as is_transferred,
    case
        when is_conversation
            then category = 'completed' and not is_transfer_tried and not is_handed_over
    end as is_contained,
    case
        when is_conversation
            then coalesce(disconnection_reason = 'user_hangup' and duration_ms < 10000, false)
    end as is_early_hangup,
    case when is_connected_and_over then call_successful end as is_successful,
    case when is_connected_and_over then user_sentiment end as user_sentiment,
    case when is_connected_and_over then agent_task_completion_rating end
        as agent_task_completion_rating,
    case when is_connected_and_over then call_completion_rating end as call_completion_rating
from flagged;
