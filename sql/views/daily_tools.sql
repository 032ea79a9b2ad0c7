-- How often agents invoke each tool, and how that ends, by day and agent.
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
    chosen := cast(coalesce(started_at, first_seen_at) as date)
        not in (select day from stored_days)
);

comment on view daily_tools is
    'How often agents invoke each tool, and how that ends, by day and agent';
comment on column daily_tools.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_tools.agent_id is 'Agent of the calls; null where the payload names none';
comment on column daily_tools.name is 'Name of the tool as sent';
comment on column daily_tools.invocations is 'Invocations of the tool';
comment on column daily_tools.results is 'Invocations whose result came';
comment on column daily_tools.orphans is 'Invocations without a result';
comment on column daily_tools.orphan_rate is 'orphans / invocations, 0 to 1';
comment on column daily_tools.judged_invocations is
    'Invocations whose result says whether it succeeded; 0 in v1';
comment on column daily_tools.successful_invocations is 'judged_invocations that succeeded';
comment on column daily_tools.success_rate is
    'successful_invocations / judged_invocations, 0 to 1; null where no result says, as in v1';
