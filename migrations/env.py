"""Alembic's entry: takes its connection from the pipeline, so that the lock rules hold here too.

The pipeline hands over an open connection; `alembic upgrade head` by hand opens the configured warehouse
through the same door.
"""

from alembic import context
from sqlalchemy import Connection

from pipeline.warehouse import migration  # noqa: F401  registers DuckDB with Alembic
from pipeline.warehouse.tables import metadata


def run(connection: Connection) -> None:
    """Run the migrations on an open connection, inside its transaction."""
    # The version table has no primary key either: a catalogue without constraints must take it as well.
    context.configure(connection=connection, target_metadata=metadata, version_table_pk=False)
    context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    from pipeline.config import Settings
    from pipeline.warehouse.database import Warehouse

    with Warehouse.of(Settings()).writing() as opened:
        run(opened)
