-- How the ids of a run stand, whoever recorded it: another run may have settled some of them meanwhile.
-- Grain: outcome. Source: recorded_ids. Reads only.
-- Parameter: $since (UTC), the start of the run. An id that was settled before is unchanged.
select
    case
        when recorded_at >= cast($since as timestamp) then outcome
        when outcome in ('loaded', 'not_found', 'deleted', 'rejected') then 'unchanged'
        else outcome
    end as outcome,
    count(*) as ids
from recorded_ids
group by all
order by outcome;
