-- Records the latest outcome of every call id in this load.
-- Grain: call id. Source: landed, calls, call_analysis, this_load.
-- A rerun replaces the same rows.
create or replace temp table recorded as
select
    landed.call_id,
    landed.run_id,
    case
        when landed.outcome != 'accepted' then landed.outcome
        when
            not is_final(
                calls.call_status,
                call_analysis.call_id is not null,
                calls.started_at,
                calls.ended_at,
                calls.first_seen_at,
                landed.fetched_at,
                this_load.refresh_window_s
            )
            then 'not_final'
        when landed.action != 'replace' then 'unchanged'
        else 'loaded'
    end as outcome,
    landed.reason,
    landed.attempts,
    landed.http_status,
    landed.fetched_at,
    this_load.recorded_at
from landed
cross join this_load
left join calls
    on landed.call_id = calls.call_id
left join call_analysis
    on landed.call_id = call_analysis.call_id
left join etl_outcomes
    on landed.call_id = etl_outcomes.call_id
where
    landed.is_newest_answer
    and coalesce(landed.fetched_at >= etl_outcomes.fetched_at, true);

delete from etl_outcomes
where call_id in (select call_id from recorded);

insert into etl_outcomes by name
select
    call_id,
    run_id,
    outcome,
    reason,
    attempts,
    http_status,
    fetched_at,
    recorded_at
from recorded;
