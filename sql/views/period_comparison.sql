-- The last 7, 28 and 90 days beside as many days before, on every headline metric.
-- Grain: period_days × is_all_agents × agent_id × metric.
-- Source: the macros bounded_periods and bounded_metrics, which say how each metric is made.
-- A period ends with the newest day that has calls, which may not be over yet.
-- compare_periods(from, to, before_from, before_to) is a table macro that answers for any two ranges.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view period_comparison as
select
    "number" as period_days,
    newest_day() as day,
    agent_id,
    is_all_agents,
    metric,
    value,
    low,
    high,
    "count",
    previous_value,
    previous_low,
    previous_high,
    previous_count,
    change,
    is_clear
from bounded_periods(
    [
        days_beside(7, newest_day()),
        days_beside(28, newest_day()),
        days_beside(90, newest_day())
    ]
);

comment on view period_comparison is
    'The last 7, 28 and 90 days beside as many days before, on every headline metric';
comment on column period_comparison.period_days is 'Days of the period: 7, 28 or 90';
comment on column period_comparison.day is 'Last day of the period: the newest that has calls';
comment on column period_comparison.agent_id is
    'Agent of the calls; null for all agents together, and for calls whose payload names none';
comment on column period_comparison.is_all_agents is 'Whether the row is that of all agents';
