-- Ranges of days, each beside another, on every headline metric, by agent and for all agents together.
-- Grain: number of the range × is_all_agents × agent_id × metric. Source: the macro bounded_metrics.
-- Parameter: ranges, a list of {number, first_day, last_day, before_first_day, before_last_day}. Both
-- ends belong to a range. Ranges may overlap: a call belongs to each that has its day.
-- All are measured together, because most of the time goes into reading the same calls.
-- Calls whose date is unknown are in none.
-- A rerun replaces the macro; it holds no data.
create or replace macro bounded_periods(ranges) as table
with metrics as (
    select
        *,
        period."number" as "number",
        period.is_before as is_before,
        period.is_all_agents as is_all_agents
    from bounded_metrics(
        unnest(
            flatten([
                if(
                    day between one.first_day and one.last_day,
                    [
                        {'number': one."number", 'is_before': false, 'is_all_agents': false},
                        {'number': one."number", 'is_before': false, 'is_all_agents': true}
                    ],
                    []
                )
                || if(
                    day between one.before_first_day and one.before_last_day,
                    [
                        {'number': one."number", 'is_before': true, 'is_all_agents': false},
                        {'number': one."number", 'is_before': true, 'is_all_agents': true}
                    ],
                    []
                )
                for one in ranges
            ])
        ),
        -- The agents of these, in the same order.
        unnest(
            flatten([
                if(day between one.first_day and one.last_day, [agent_id, null], [])
                || if(
                    day between one.before_first_day and one.before_last_day,
                    [agent_id, null],
                    []
                )
                for one in ranges
            ])
        ),
        list_bool_or([
            day between one.first_day and one.last_day
            or day between one.before_first_day and one.before_last_day
            for one in ranges
        ])
    )
),

beside as (
    select
        "number",
        agent_id,
        is_all_agents,
        metric,
        any_value(value) filter (where not is_before) as value,
        any_value(low) filter (where not is_before) as low,
        any_value(high) filter (where not is_before) as high,
        coalesce(any_value("count") filter (where not is_before), 0) as "count",
        any_value(value) filter (where is_before) as previous_value,
        any_value(low) filter (where is_before) as previous_low,
        any_value(high) filter (where is_before) as previous_high,
        coalesce(any_value("count") filter (where is_before), 0) as previous_count
    from metrics
    group by "number", agent_id, is_all_agents, metric
)

select
    *,
    value - previous_value as change,
    is_clear_change(low, high, previous_low, previous_high) as is_clear
from beside;
