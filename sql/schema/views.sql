-- Names of the views in this database.
-- Grain: view. Source: duckdb_views(). Reads only.
select view_name
from duckdb_views()
where not internal
order by view_name;
