-- Why calls ended, by day and agent.
-- Grain: day × agent_id × disconnection_reason, both of which may be null.
-- Source: stored_daily_disconnections; for days that are not stored, the macro
-- disconnections_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_disconnections as
select *
from stored_daily_disconnections
where day in (select day from stored_days)
union all by name
select *
from disconnections_by_day(
    chosen := cast(coalesce(started_at, first_seen_at) as date)
        not in (select day from stored_days)
);

comment on view daily_disconnections is
    'Why calls ended, by day and agent: count, share and average duration of calls that are over';
comment on column daily_disconnections.day is
    'Day (UTC) of the call''s start, or of when it was first seen if it never started';
comment on column daily_disconnections.agent_id is
    'Agent of the calls; null where the payload names none';
comment on column daily_disconnections.disconnection_reason is
    'Reason as the API sent it; null for calls without one';
comment on column daily_disconnections.category is
    'Category of the reason, as in disconnection_breakdown';
comment on column daily_disconnections.calls is 'Calls that ended for this reason';
comment on column daily_disconnections.share is
    'Share of the calls of that day and agent that are over, 0 to 1';
comment on column daily_disconnections.avg_duration_ms is
    'Average duration in ms where known; 0 counts, which is what calls that never connected send';
