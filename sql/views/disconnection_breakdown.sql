-- Why calls ended, over all calls that are over.
-- Grain: disconnection_reason; calls without one share the row whose reason is null.
-- Source: calls that are neither registered nor ongoing. Those have no reason yet, and would make
-- every share depend on how busy the moment of the fetch was. A newer status counts as over.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view disconnection_breakdown as
with ended_calls as (
    select
        disconnection_reason,
        duration_ms
    from visible_calls() as calls
    where call_status not in ('registered', 'ongoing')
)

select
    disconnection_reason,
    disconnection_category(disconnection_reason) as category,
    count(*) as calls,
    count(*) / sum(count(*)) over () as share,
    avg(duration_ms) as avg_duration_ms
from ended_calls
group by disconnection_reason;

comment on view disconnection_breakdown is
    'Why calls ended: count, share and average duration of calls that are over, by reason';
comment on column disconnection_breakdown.share is 'Share of all calls that are over, 0 to 1';
