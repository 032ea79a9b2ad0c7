-- Latency percentiles pooled over the turns of all calls of a group, for every metric.
-- Grain: period × agent_id × metric, for each metric that a call of the group reports.
-- Source: calls, latency_stats, latency_values.
-- Parameters: group_of, an expression over columns of calls that says which period, or which other
-- group, a call belongs to; agent_of, the agent whose pool it is in: agent_id, or null to have one
-- pool for all; chosen, a condition on columns of calls, to pool only some of them.
-- A rerun replaces the macro; it holds no data.
-- Its readers are the views of latency. A table macro keeps their text in one place,
-- and in the database file, where any reader expands it. A filter on period, agent or metric
-- reaches the tables only if the view passes the column on untouched: so the type is chosen here.
--
-- A call is pooled by its samples where it has any in latency_values, however many num says; else by
-- its summary. The samples of a group are those that are there, and the num of calls that have none:
-- slow_turns counts the same.
--
-- exact    all calls that weigh anything have samples: their interpolated percentile.
-- summary  none has: each call is a piecewise-linear distribution through (min, 0) (p50, 50)
--          (p90, 90) (p95, 95) (p99, 99) (max, 100) that weighs as much as it has samples. The pool
--          is their sum; a percentile is the smallest latency at which the pool reaches that level,
--          rounded to a nanosecond so that the order of summing does not show.
-- mixed    some have: the pool is the sum of these distributions and of a jump by one at every sample;
--          a percentile is found in it as in a summary.
--
-- Points that are not known are left out: what lies below the first known point, or above the last,
-- sits on that point. A point that falls is raised to the one before (a check reports it). Equal
-- points are a jump. An unknown num counts as one sample. A call without samples, or without any
-- point, weighs nothing; a group of such calls keeps its row, with 0 samples and null percentiles,
-- because that the calls took place is a fact. A call that sampled nothing leaves its group exact.
create or replace macro latency_pools(group_of, agent_of, chosen) as table
with calls_in_period as (
    select
        call_id,
        group_of as period,
        agent_of as agent_id
    from visible_calls() as calls
    where chosen
),

stats as (
    select *
    from finite_latency_stats()
),

samples as (
    select
        call_id,
        metric,
        value_ms
    from latency_values
    where
        isfinite(value_ms)
        -- Where few calls are chosen, the samples of the others are not counted first.
        and call_id in (select call_id from calls_in_period)
),

sample_counts as (
    select
        call_id,
        metric,
        count(*) as sample_count
    from samples
    group by call_id, metric
),

-- A union instead of a full join: a filter on a metric then reaches both tables.
reports as (
    select
        stats.*,
        coalesce(sample_counts.sample_count, 0) as sample_count
    from stats
    left join sample_counts
        on stats.call_id = sample_counts.call_id
        and stats.metric = sample_counts.metric
    union all by name
    select sample_counts.*
    from sample_counts
    anti join stats
        on sample_counts.call_id = stats.call_id
        and sample_counts.metric = stats.metric
),

-- What a summary weighs: nothing beside samples of its call, and nothing without any point.
weighed as (
    select
        calls_in_period.period,
        calls_in_period.agent_id,
        reports.metric,
        reports.call_id,
        reports.min_ms,
        reports.p50_ms,
        reports.p90_ms,
        reports.p95_ms,
        reports.p99_ms,
        reports.max_ms,
        reports.sample_count,
        case
            when reports.sample_count > 0 then 0
            when
                coalesce(
                    reports.min_ms,
                    reports.p50_ms,
                    reports.p90_ms,
                    reports.p95_ms,
                    reports.p99_ms,
                    reports.max_ms
                ) is not null
                then cast(coalesce(reports.num, 1) as double)
            else 0
        end as mass
    from reports
    inner join calls_in_period
        on reports.call_id = calls_in_period.call_id
),

groups_known as (
    select
        *,
        sum(sample_count) over whole_group as sampled,
        sum(mass) over whole_group as summed_up,
        sampled + summed_up as total,
        case
            when summed_up > 0 and sampled > 0 then 'mixed'
            when sampled > 0 then 'exact'
            else 'summary'
        end as method,
        max(mass) over whole_group as largest_mass
    from weighed
    window whole_group as (partition by period, agent_id, metric)
),

exact as (
    select
        groups_known.period,
        groups_known.agent_id,
        groups_known.metric,
        quantile_cont(samples.value_ms, [0.5, 0.9, 0.95, 0.99]) as percentiles
    from groups_known
    inner join samples
        on groups_known.call_id = samples.call_id
        and groups_known.metric = samples.metric
    where groups_known.method = 'exact'
    group by groups_known.period, groups_known.agent_id, groups_known.metric
),

-- The running maximum makes every distribution rise. An unknown point takes place and level of
-- the one before, so that the segment between them is empty. Levels are percent: mass × percent
-- is a whole number, which doubles add without an error.
points as (
    select
        period,
        agent_id,
        metric,
        mass,
        total,
        largest_mass * 1e-20 as step,
        min_ms as x0,
        greatest(min_ms, p50_ms) as x50,
        greatest(min_ms, p50_ms, p90_ms) as x90,
        greatest(min_ms, p50_ms, p90_ms, p95_ms) as x95,
        greatest(min_ms, p50_ms, p90_ms, p95_ms, p99_ms) as x99,
        greatest(min_ms, p50_ms, p90_ms, p95_ms, p99_ms, max_ms) as x100,
        mass * case when p50_ms is not null then 50 else 0 end as f50,
        case when p90_ms is not null then mass * 90 else f50 end as f90,
        case when p95_ms is not null then mass * 95 else f90 end as f95,
        case when p99_ms is not null then mass * 99 else f95 end as f99,
        mass * 100 as f100
    from groups_known
    where mass > 0
),

-- A running sum of slopes must return to what it was when a steep segment ends, or its rounding
-- error outweighs a flat tail. So slopes are whole multiples of a tiny step, which a hugeint
-- adds exactly; the step leaves room for 10^10 of the steepest segments. What is narrower than a
-- nanosecond jumps.
slopes as (
    select
        *,
        f50 as m50,
        f90 - f50 as m90,
        f95 - f90 as m95,
        f99 - f95 as m99,
        f100 - f99 as m100,
        if(x50 - x0 >= 1e-6, cast(m50 / (x50 - x0) / step as hugeint), 0) as s50,
        if(x90 - x50 >= 1e-6, cast(m90 / (x90 - x50) / step as hugeint), 0) as s90,
        if(x95 - x90 >= 1e-6, cast(m95 / (x95 - x90) / step as hugeint), 0) as s95,
        if(x99 - x95 >= 1e-6, cast(m99 / (x99 - x95) / step as hugeint), 0) as s99,
        if(x100 - x99 >= 1e-6, cast(m100 / (x100 - x99) / step as hugeint), 0) as s100
    from points
),

-- At each point the slope turns from one segment's to the next; a segment without a slope jumps.
turning_points as (
    select
        period,
        agent_id,
        metric,
        total,
        step,
        unnest([
            {'x': x0, 'turn': s50, 'jump': 0, 'ended': 0},
            {'x': x50, 'turn': s90 - s50, 'jump': if(s50 = 0, m50, 0), 'ended': m50},
            {'x': x90, 'turn': s95 - s90, 'jump': if(s90 = 0, m90, 0), 'ended': m90},
            {'x': x95, 'turn': s99 - s95, 'jump': if(s95 = 0, m95, 0), 'ended': m95},
            {'x': x99, 'turn': s100 - s99, 'jump': if(s99 = 0, m99, 0), 'ended': m99},
            {'x': x100, 'turn': -s100, 'jump': if(s100 = 0, m100, 0), 'ended': m100}
        ], recursive := true)
    from slopes
),

-- A sample beside summaries is a jump by one, which is 100 of the units of levels.
jumps as (
    select
        groups_known.period,
        groups_known.agent_id,
        groups_known.metric,
        groups_known.total,
        groups_known.largest_mass * 1e-20 as step,
        samples.value_ms as x,
        0 as turn,
        100 as jump,
        100 as ended
    from groups_known
    inner join samples
        on groups_known.call_id = samples.call_id
        and groups_known.metric = samples.metric
    where groups_known.method = 'mixed'
),

-- Latencies are whole milliseconds mostly, so many calls turn at the same one: added up first, because
-- sorting and running sums cost more.
breakpoints as (
    select
        period,
        agent_id,
        metric,
        x,
        any_value(total) as total,
        any_value(step) as step,
        sum(turn) as turn,
        sum(jump) as jump,
        sum(ended) as ended
    from (
        from turning_points
        where x is not null
        union all by name
        from jumps
    ) as turns
    group by period, agent_id, metric, x
),

swept as (
    select
        period,
        agent_id,
        metric,
        total,
        step,
        x,
        sum(turn) over up_to_here as steps,
        sum(jump) over up_to_here as jumped,
        sum(ended) over up_to_here as ended,
        lead(x) over up_to_here - x as width
    from breakpoints
    window up_to_here as (
        partition by period, agent_id, metric order by x asc nulls last rows unbounded preceding
    )
),

-- Where no segment is open the level is what has ended, free of rounding: a gap follows, and a
-- level just below a percentile would jump over it.
levels as (
    select
        period,
        agent_id,
        metric,
        total,
        x,
        steps * step as slope,
        case
            when steps = 0 then ended
            else jumped + coalesce(sum(steps * step * width) over before, 0)
        end as level,
        level + coalesce(slope * width, 0) as reached
    from swept
    window before as (
        partition by period, agent_id, metric order by x asc nulls last
        rows between unbounded preceding and 1 preceding
    )
),

-- The first line that reaches a level has the percentile; later ones start above it: min finds it.
summary as (
    select
        period,
        agent_id,
        metric,
        [
            round(min(x + if(level < 50 * total, (50 * total - level) / slope, 0))
                filter (where reached >= 50 * total), 6),
            round(min(x + if(level < 90 * total, (90 * total - level) / slope, 0))
                filter (where reached >= 90 * total), 6),
            round(min(x + if(level < 95 * total, (95 * total - level) / slope, 0))
                filter (where reached >= 95 * total), 6),
            round(min(x + if(level < 99 * total, (99 * total - level) / slope, 0))
                filter (where reached >= 99 * total), 6)
        ] as percentiles
    from levels
    group by period, agent_id, metric
),

over_calls as (
    select
        period,
        agent_id,
        metric,
        any_value(method) as method,
        count(*) as calls,
        any_value(total) as samples,
        quantile_cont(p50_ms, 0.5) as median_call_p50_ms,
        quantile_cont(p99_ms, 0.99) as p99_call_p99_ms
    from groups_known
    group by period, agent_id, metric
),

-- A union instead of a join: a filter on an agent, which may be null, then reaches every branch.
parts as (
    select period, agent_id, metric, calls, samples, median_call_p50_ms, p99_call_p99_ms, method
    from over_calls
    union all by name
    select period, agent_id, metric, percentiles
    from exact
    union all by name
    select period, agent_id, metric, percentiles
    from summary
)

select
    period,
    agent_id,
    metric,
    any_value(calls) as calls,
    -- An absurd num must not break the view for everyone.
    try_cast(any_value(samples) as bigint) as samples,
    any_value(percentiles)[1] as p50_ms,
    any_value(percentiles)[2] as p90_ms,
    any_value(percentiles)[3] as p95_ms,
    any_value(percentiles)[4] as p99_ms,
    any_value(median_call_p50_ms) as median_call_p50_ms,
    any_value(p99_call_p99_ms) as p99_call_p99_ms,
    any_value(method) as method
from parts
group by period, agent_id, metric;
