-- Two ranges of days side by side on every headline metric, by agent and for all agents together.
-- Grain: is_all_agents × agent_id × metric. Source: the macro bounded_periods.
-- Parameters: from_day and to_day, the range; before_from_day and before_to_day, the range beside it.
-- Both ends belong to a range. The ranges may overlap, and need not be equally long.
-- A rerun replaces the macro; it holds no data. period_comparison shows the usual ranges.
create or replace macro compare_periods(
    from_day, to_day, before_from_day, before_to_day
) as table
select * exclude ("number")
from bounded_periods(
    [
        {
            'number': 1,
            'first_day': cast(from_day as date),
            'last_day': cast(to_day as date),
            'before_first_day': cast(before_from_day as date),
            'before_last_day': cast(before_to_day as date)
        }
    ]
);
