-- Whether Alembic has ever migrated this database.
-- Grain: one row. Source: duckdb_tables(). Reads only.
select count(*) > 0 as has_version_table
from duckdb_tables()
where table_name = 'alembic_version';
