-- Digest of the view files applied last; kept as a comment because it describes the schema, not data.
-- Grain: at most one row. Source: duckdb_tables(). Reads only.
select comment as digest
from duckdb_tables()
where table_name = 'alembic_version';
