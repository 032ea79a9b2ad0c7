-- One row that says how a version of an agent did in a week: outcomes, latency, dialogue, tools,
-- cost.
-- Grain: week × agent_id × agent_version.
-- Source: the macros rated_outcomes, pooled_latency and priced_calls; calls, conversations,
-- tool_calls. The parts have the definitions of the daily views.
-- A number of a part that no call of the row has is null: v1 calls have no cost and no verdict.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view weekly_scorecard as
with outcomes as (
    select * rename (period as week)
    from rated_outcomes(cast(date_trunc('week', day) as date), agent_version)
),

latency as (
    select
        period['week'] as week,
        agent_id,
        period['version'] as agent_version,
        samples as e2e_samples,
        p50_ms as e2e_p50_ms,
        p95_ms as e2e_p95_ms,
        p99_ms as e2e_p99_ms,
        method as e2e_method
    from pooled_latency(
        {
            'week': cast(date_trunc('week', day) as date),
            'version': agent_version
        }
    )
    where metric = 'e2e'
),

dialogue as (
    select
        cast(date_trunc('week', calls.day) as date) as week,
        calls.agent_id,
        calls.agent_version,
        count(conversations.first_word_s) as timed_calls,
        sum(conversations.agent_talk_s) filter (where conversations.user_talk_s is not null)
            / nullif(sum(conversations.agent_talk_s + conversations.user_talk_s), 0)
            as agent_talk_ratio,
        sum(conversations.silence_s)
            / nullif(sum(conversations.last_word_s - conversations.first_word_s), 0)
            as silence_rate,
        sum(conversations.dead_air_s)
            / nullif(sum(conversations.last_word_s - conversations.first_word_s), 0)
            as dead_air_rate,
        sum(conversations.agent_interruption_count)
            / nullif(count(conversations.first_word_s), 0) as agent_interruptions_per_call,
        sum(conversations.user_interruption_count)
            / nullif(count(conversations.first_word_s), 0) as user_interruptions_per_call,
        median(conversations.agent_response_p50_ms) as median_agent_response_ms
    from conversations
    inner join visible_calls() as calls
        on conversations.call_id = calls.call_id
    group by week, calls.agent_id, calls.agent_version
),

tools as (
    select
        cast(date_trunc('week', calls.day) as date) as week,
        calls.agent_id,
        calls.agent_version,
        count(*) as tool_invocations,
        count(*) - count(tool_calls.result) as tool_orphans,
        count(*) filter (where tool_calls.successful)
            / nullif(count(tool_calls.successful), 0) as tool_success_rate
    from tool_calls
    inner join visible_calls() as calls
        on tool_calls.call_id = calls.call_id
    group by week, calls.agent_id, calls.agent_version
),

costs as (
    -- Rounded as in costs_by_day.
    select
        cast(date_trunc('week', day) as date) as week,
        agent_id,
        agent_version,
        round(sum(cost_cents), 6) as cost_cents,
        round(sum(cost_cents - transfer_leg_cents), 6) as agent_leg_cents,
        sum(connected_ms) filter (where cost_cents is not null) / 60000.0 as connected_minutes
    from priced_calls()
    group by week, agent_id, agent_version
)

select
    outcomes.week,
    outcomes.agent_id,
    outcomes.agent_version,
    outcomes.calls,
    outcomes.over_calls,
    outcomes.connected_calls,
    outcomes.connect_rate,
    outcomes.conversations,
    outcomes.median_connected_ms,
    outcomes.judged_calls,
    outcomes.successful_calls,
    outcomes.success_rate,
    outcomes.judged_conversations,
    outcomes.conversation_success_rate,
    outcomes.task_rated_calls,
    outcomes.task_complete_rate,
    outcomes.call_rated_calls,
    outcomes.call_complete_rate,
    outcomes.sentiment_calls,
    outcomes.positive_rate,
    outcomes.negative_rate,
    outcomes.voicemail_rate,
    outcomes.transfer_attempts,
    outcomes.transfer_success_rate,
    outcomes.containment_rate,
    outcomes.early_hangup_rate,
    latency.e2e_samples,
    latency.e2e_p50_ms,
    latency.e2e_p95_ms,
    latency.e2e_p99_ms,
    latency.e2e_method,
    dialogue.timed_calls,
    dialogue.agent_talk_ratio,
    dialogue.silence_rate,
    dialogue.dead_air_rate,
    dialogue.agent_interruptions_per_call,
    dialogue.user_interruptions_per_call,
    dialogue.median_agent_response_ms,
    coalesce(tools.tool_invocations, 0) as tool_invocations,
    coalesce(tools.tool_orphans, 0) as tool_orphans,
    tools.tool_success_rate,
    costs.cost_cents,
    costs.agent_leg_cents / nullif(costs.connected_minutes, 0) as cents_per_connected_minute
from outcomes
left join latency
    on outcomes.week is not distinct from latency.week
    and outcomes.agent_id is not distinct from latency.agent_id
    and outcomes.agent_version is not distinct from latency.agent_version
left join dialogue
    on outcomes.week is not distinct from dialogue.week
    and outcomes.agent_id is not distinct from dialogue.agent_id
    and outcomes.agent_version is not distinct from dialogue.agent_version
left join tools
    on outcomes.week is not distinct from tools.week
    and outcomes.agent_id is not distinct from tools.agent_id
    and outcomes.agent_version is not distinct from tools.agent_version
left join costs
    on outcomes.week is not distinct from costs.week
    and outcomes.agent_id is not distinct from costs.agent_id
    and outcomes.agent_version is not distinct from costs.agent_version;

comment on view weekly_scorecard is 'One row that says how a version of an agent did in a week';
comment on column weekly_scorecard.week is
    'Monday of the week of the calls'' day; null: date unknown';
comment on column weekly_scorecard.e2e_samples is
    'Samples behind the percentiles of e2e latency; null where no call reports it';
comment on column weekly_scorecard.e2e_p50_ms is 'Median e2e latency over all samples, in ms';
comment on column weekly_scorecard.e2e_p95_ms is
    '95th percentile of e2e latency over all samples, in ms';
comment on column weekly_scorecard.e2e_p99_ms is
    '99th percentile of e2e latency over all samples, in ms';
comment on column weekly_scorecard.e2e_method is
    'exact: from samples; summary: from the calls'' own percentiles, weighed by samples; '
    'mixed: from samples, and summaries of calls that have none';
comment on column weekly_scorecard.timed_calls is
    'Calls whose transcript has a timed word; the measures of dialogue are over them';
comment on column weekly_scorecard.agent_talk_ratio is
    'Seconds the agent spoke / seconds either spoke, counting both where both did, 0 to 1';
comment on column weekly_scorecard.agent_interruptions_per_call is
    'Turns of the agent that begin later than one of the user and overlap it / timed_calls';
comment on column weekly_scorecard.user_interruptions_per_call is
    'Turns of the user that begin later than one of the agent and overlap it / timed_calls';
comment on column weekly_scorecard.median_agent_response_ms is
    'Median over calls of the agent''s median response gap, in ms: the typical call';
comment on column weekly_scorecard.tool_invocations is 'Tool invocations';
comment on column weekly_scorecard.tool_orphans is 'Tool invocations without a result';
comment on column weekly_scorecard.tool_success_rate is
    'Invocations that succeeded / invocations whose result says, 0 to 1; null where none '
    'says, as in v1';
comment on column weekly_scorecard.cost_cents is
    'Cost of the calls that bring one, in cents, all legs; null without any, as in v1';
comment on column weekly_scorecard.cents_per_connected_minute is
    'Cost without transferred legs / minutes of connected calls that bring a cost; null '
    'without any';
