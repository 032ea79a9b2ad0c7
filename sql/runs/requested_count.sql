-- How many ids a run was asked for.
-- Grain: one row. Source: requested. Reads only.
select count(*)
from requested;
