-- Why calls ended, the commonest reason first.
-- Grain: disconnection reason. Source: disconnection_breakdown. Reads only.
select *
from disconnection_breakdown
order by
    calls desc nulls last,
    disconnection_reason asc nulls last;
