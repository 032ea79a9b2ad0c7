-- How often agents invoke each tool, how that ends, and how long it takes, by day and agent.
-- Grain: day × agent_id × name of the tool.
-- Source: stored_daily_tools; for days that are not stored, the macro
-- tools_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_tools as
select *
from stored_daily_tools
where day in (select day from stored_days)
union all by name
select *
from tools_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_tools is
    'How often agents invoke each tool, how that ends, and how long it takes, by day and agent';
comment on column daily_tools.timed_invocations is
    'Invocations that took a known time: both they and their results have a time; 0 in v1';
comment on column daily_tools.latency_p50_ms is
    'Median over timed_invocations from invocation to result, in ms; null without any';
comment on column daily_tools.latency_p95_ms is
    '95th percentile over timed_invocations from invocation to result, in ms; null without any';
comment on column daily_tools.latency_p99_ms is
    '99th percentile over timed_invocations from invocation to result, in ms; null without any';
comment on column daily_tools.dead_air_invocations is
    'Invocations after which nobody spoke for more than 5 s, as in tool_details';
