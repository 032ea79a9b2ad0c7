-- The revision that Alembic has brought this database to.
-- Grain: one row; none before the first migration. Source: alembic_version. Reads only.
select version_num as revision
from alembic_version
order by version_num;
