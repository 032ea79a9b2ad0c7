-- How the ids of a run stand, whoever recorded it: another run may have settled some of them meanwhile.
-- Grain: outcome. Source: recorded_ids, etl_rejects. Reads only.
-- Parameters: $since (UTC), the start of the run; $run_id; $is_listing, whether the run lists. An id that was
-- settled before is unchanged; of a run that lists also one whose payload was rejected before and came again
-- as it was.
select
    case
        when
            cast($is_listing as boolean)
            and outcome = 'rejected'
            and call_id not in (select call_id from etl_rejects where run_id = $run_id)
            then 'unchanged'
        when recorded_at >= cast($since as timestamp) then outcome
        when outcome in ('loaded', 'not_found', 'deleted', 'rejected') then 'unchanged'
        else outcome
    end as outcome,
    count(*) as ids
from recorded_ids
group by all
order by outcome;
