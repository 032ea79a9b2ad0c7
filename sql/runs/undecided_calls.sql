-- The calls whose ids are not final.
-- Grain: call. Source: calls, etl_outcomes. A rerun replaces the temporary table.
create or replace temp table undecided_calls as
with not_final as (
    select call_id
    from etl_outcomes
    where outcome = 'not_final'
)

select
    calls.call_id,
    calls.call_status,
    calls.detail,
    calls.started_at,
    calls.ended_at,
    calls.transfer_ended_at,
    calls.disconnection_reason,
    calls.first_seen_at,
    calls.extracted_at
from calls
semi join not_final
    on calls.call_id = not_final.call_id;
