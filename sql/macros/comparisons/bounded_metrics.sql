-- Every headline metric of each group of calls, in long form: with its interval and its count.
-- Grain: period × agent_id × metric, every metric for each group that has calls.
-- Source: calls, conversations, latency_values; the macros outcomes_of_calls, priced_calls and
-- latency_pools, which define what is counted, what a call cost and how percentiles are pooled.
-- Parameters: group_of, an expression over columns of calls that says which group a call belongs to;
-- agent_of, its agent there: agent_id, or null for all together; chosen, a condition on columns of calls.
-- Both may be an unnest of a list, of the same length: then a call belongs to several groups.
-- A rerun replaces the macro; it holds no data.
--
-- rates     a part of calls, from sums of counts: never a mean of rates. Wilson's 95 % interval.
-- latency   e2e, pooled over the samples of all calls. The interval is between two of the samples (see
--           bound_rank). It needs samples: null where a group has only summaries, and a bound is null
--           where there are too few samples for it. Where some calls bring only summaries it is that of
--           the samples that are there, widened to hold the pooled value. Turns of one call are
--           more alike than turns of several, so it is a little too short where calls are few.
-- the rest  calls, cents a connected minute and the share of dead air are sums, or ratios of sums,
--           without an interval.
create or replace macro bounded_metrics(group_of, agent_of, chosen) as table
with grouped_calls as (
    select
        call_id,
        group_of as period,
        agent_of as agent_id
    from visible_calls() as calls
    where chosen
),

-- What a call counts for, worked out once, however many groups it belongs to.
facts as (
    select
        outcomes.*,
        priced.cost_cents - priced.transfer_leg_cents as agent_leg_cents,
        priced.connected_ms as priced_ms,
        agent_leg_cents is not null and priced_ms > 0 as is_priced,
        conversations.dead_air_s,
        conversations.last_word_s - conversations.first_word_s as dialogue_s
    from outcomes_of_calls(chosen := chosen) as outcomes
    inner join priced_calls(chosen := chosen) as priced
        on outcomes.call_id = priced.call_id
    left join conversations
        on outcomes.call_id = conversations.call_id
),

counted as (
    select
        grouped_calls.period,
        grouped_calls.agent_id,
        count(*) as calls,
        count(*) filter (where is_over) as over_calls,
        count(*) filter (where is_over and is_connected) as connected_calls,
        count(*) filter (where is_conversation) as conversations,
        count(is_successful) as judged_calls,
        count(*) filter (where is_successful) as successful_calls,
        count(is_successful) filter (where is_conversation) as judged_conversations,
        count(*) filter (where is_successful and is_conversation) as successful_conversations,
        count(*) filter (where is_contained) as contained_calls,
        count(*) filter (where is_early_hangup) as early_hangups,
        count(*) filter (where is_voicemail) as voicemail_calls,
        count(*) filter (where is_transfer_attempt) as transfer_attempts,
        count(*) filter (where is_transferred) as transferred_calls,
        count(*) filter (where user_sentiment in ('Positive', 'Neutral', 'Negative'))
            as sentiment_calls,
        count(*) filter (where user_sentiment = 'Negative') as negative_calls,
        count(*) filter (where is_priced) as priced_calls,
        round(sum(agent_leg_cents) filter (where is_priced), 6)
        / nullif(sum(cast(priced_ms as double)) filter (where is_priced) / 60000, 0)
            as cents_per_connected_minute,
        count(dialogue_s) as timed_calls,
        sum(dead_air_s) / nullif(sum(dialogue_s), 0) as dead_air_rate
    from facts
    inner join grouped_calls
        on facts.call_id = grouped_calls.call_id
    group by grouped_calls.period, grouped_calls.agent_id
),

rates as (
    select
        period,
        agent_id,
        unnest(
            [
                {'metric': 'connect_rate', 'part': connected_calls, 'whole': over_calls},
                {'metric': 'success_rate', 'part': successful_calls, 'whole': judged_calls},
                {
                    'metric': 'conversation_success_rate',
                    'part': successful_conversations,
                    'whole': judged_conversations
                },
                {'metric': 'containment_rate', 'part': contained_calls, 'whole': conversations},
                {'metric': 'early_hangup_rate', 'part': early_hangups, 'whole': conversations},
                {'metric': 'voicemail_rate', 'part': voicemail_calls, 'whole': connected_calls},
                {
                    'metric': 'transfer_success_rate',
                    'part': transferred_calls,
                    'whole': transfer_attempts
                },
                {'metric': 'negative_rate', 'part': negative_calls, 'whole': sentiment_calls}
            ],
            recursive := true
        )
    from counted
),

pools as (
    select
        period,
        agent_id,
        samples,
        p50_ms,
        p95_ms,
        method
    from latency_pools(group_of, agent_of, chosen)
    where metric = 'e2e'
),

-- Latencies are whole milliseconds mostly: counting equal ones costs less than sorting all.
values_counted as (
    select
        grouped_calls.period,
        grouped_calls.agent_id,
        latency_values.value_ms,
        count(*) as sample_count
    from latency_values
    inner join grouped_calls
        on latency_values.call_id = grouped_calls.call_id
    where
        latency_values.metric = 'e2e'
        and isfinite(latency_values.value_ms)
    group by grouped_calls.period, grouped_calls.agent_id, latency_values.value_ms
),

ranked as (
    select
        period,
        agent_id,
        value_ms,
        sum(sample_count) over (partition by period, agent_id) as samples,
        sum(sample_count) over (
            partition by period, agent_id
            order by value_ms asc nulls last
            rows unbounded preceding
        ) as last_rank
    from values_counted
),

bounds as (
    select
        period,
        agent_id,
        min(value_ms) filter (
            where bound_rank(samples, 0.5, -1) between 1 and last_rank
        ) as p50_low,
        min(value_ms) filter (where bound_rank(samples, 0.5, 1) <= last_rank) as p50_high,
        min(value_ms) filter (
            where bound_rank(samples, 0.95, -1) between 1 and last_rank
        ) as p95_low,
        min(value_ms) filter (where bound_rank(samples, 0.95, 1) <= last_rank) as p95_high
    from ranked
    group by period, agent_id
),

latency as (
    select
        counted.period,
        counted.agent_id,
        coalesce(pools.samples, 0) as samples,
        unnest(
            [
                {
                    'metric': 'e2e_p50_ms',
                    'pooled': pools.p50_ms,
                    'lower': bounds.p50_low,
                    'upper': bounds.p50_high
                },
                {
                    'metric': 'e2e_p95_ms',
                    'pooled': pools.p95_ms,
                    'lower': bounds.p95_low,
                    'upper': bounds.p95_high
                }
            ],
            recursive := true
        )
    from counted
    left join pools
        on counted.period is not distinct from pools.period
        and counted.agent_id is not distinct from pools.agent_id
    left join bounds
        on pools.period is not distinct from bounds.period
        and pools.agent_id is not distinct from bounds.agent_id
        and pools.method != 'summary'
),

others as (
    select
        period,
        agent_id,
        unnest(
            [
                {'metric': 'calls', 'total': cast(calls as double), 'counted': calls},
                {
                    'metric': 'cents_per_connected_minute',
                    'total': cents_per_connected_minute,
                    'counted': priced_calls
                },
                {'metric': 'dead_air_rate', 'total': dead_air_rate, 'counted': timed_calls}
            ],
            recursive := true
        )
    from counted
)

select
    period,
    agent_id,
    metric,
    cast(part as double) / nullif(whole, 0) as value,
    wilson_bound(part, whole, -1) as low,
    wilson_bound(part, whole, 1) as high,
    whole as "count"
from rates
union all by name
select
    period,
    agent_id,
    metric,
    pooled as value,
    -- least and greatest pass over a null: a bound that is not known must stay so.
    case when lower is not null then least(lower, pooled) end as low,
    case when upper is not null then greatest(upper, pooled) end as high,
    samples as "count"
from latency
union all by name
select
    period,
    agent_id,
    metric,
    total as value,
    counted as "count"
from others;
