-- The share of turns whose latency lies above a threshold, by day, agent and metric.
-- Grain: day × agent_id × metric × threshold_ms.
-- Source: stored_daily_slow_turns; for days that are not stored, the macro
-- slow_turns_by_day, which says how each number is made. Both give the same numbers.
-- For other thresholds ask the macro slow_turns: `from slow_turns(500, 700, 900, 1100)`.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_slow_turns as
select *
from stored_daily_slow_turns
where day in (select day from stored_days)
union all by name
select *
from slow_turns_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_slow_turns is
    'Share of turns whose latency lies above 800, 1500, 2000 and 3000 ms; slow_turns() takes '
    'others';
comment on column daily_slow_turns.threshold_ms is 'Threshold in ms: 800, 1500, 2000 or 3000';
comment on column daily_slow_turns.samples is
    'Samples behind the share: values where a call brings them, else its num (1 if unknown)';
comment on column daily_slow_turns.slow_rate is
    'Share of the samples above the threshold, 0 to 1; null without samples';
comment on column daily_slow_turns.method is
    'exact: from every sample; summary: for some calls from their own percentiles';
