-- How the ids that were ever asked for stand.
-- Grain: outcome. Source: etl_outcomes. Reads only.
select
    outcome,
    count(*) as ids,
    max(recorded_at) as latest_at
from etl_outcomes
group by outcome
order by
    ids desc nulls last,
    outcome asc nulls last;
