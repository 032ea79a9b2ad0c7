-- Every disconnection reason with its category: documented ones, and those that calls bring.
-- Grain: disconnection_reason; calls that are over without one share the row whose reason is null.
-- Source: known_disconnection_reasons; calls that are neither registered nor ongoing.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view disconnection_reasons as
with counted as (
    select
        disconnection_reason,
        count(*) as calls
    from visible_calls() as calls
    where call_status not in ('registered', 'ongoing')
    group by disconnection_reason
)

select
    disconnection_reason,
    disconnection_category(disconnection_reason) as category,
    coalesce(known.reached = 'nobody', false) as is_before_connection,
    coalesce(known.is_documented, false) as is_documented,
    coalesce(counted.calls, 0) as calls
from known_disconnection_reasons as known
full join counted
    using (disconnection_reason)
where
    known.is_documented
    or counted.calls is not null;

comment on view disconnection_reasons is
    'Every disconnection reason with its category: documented ones and any other that a call '
    'brought';
comment on column disconnection_reasons.is_before_connection is
    'Whether it means that nobody was ever on the line: such calls are not connected';
comment on column disconnection_reasons.calls is
    'Calls that are over and ended for this reason; 0 where none did';
