-- What a table or view is.
-- Grain: one row. Source: the catalogue. Parameter: $name. Reads only.
select comment from duckdb_tables() where table_name = $name and not internal
union all
select comment from duckdb_views() where view_name = $name and not internal;
