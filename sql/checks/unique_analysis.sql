-- Every call has at most one row in call_analysis.
-- severity: fail
-- Grain: call that has more. Source: call_analysis. Reads only.
select
    call_id,
    count(*) as row_count
from call_analysis
group by call_id
having count(*) > 1
order by call_id asc nulls last;
