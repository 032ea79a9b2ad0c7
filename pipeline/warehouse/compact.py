"""Rewrites the warehouse file without the room it no longer needs: the same tables, views and rows.

The file is replaced as a whole, while its lock is held, by one that is complete and on disk. Whatever ends
the process before that leaves the former file, and what it had written is removed by the next one.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from pipeline import sql
from pipeline.files.atomic import sync_folder
from pipeline.warehouse import columns, file_copy, tables
from pipeline.warehouse.database import Warehouse

_NEW = "rewritten_by_compact"
# Long enough for whoever has just opened the former file to ask for its lock: it is refused, and the next
# attempt opens the new one.
_GRACE_S = 1.0


@dataclass(frozen=True)
class Compacted:
    """A warehouse that was rewritten: how large the file was and is, and what it took."""

    path: Path
    bytes_before: int
    bytes_after: int
    duration_s: float


def compact(warehouse: Warehouse) -> Compacted:
    """Replace the file by one without free blocks and deleted rows, in the format of new files.

    Nobody else can open the warehouse meanwhile. Raises WarehouseError when there is no room for the new
    file; then the former one is as it was.
    """
    started = time.monotonic()
    # Where the name is a link, it stays one.
    path = Path(str(warehouse.path)).resolve()
    new = path.with_name(f"{path.name}.compacting")

    def refused(reason: str) -> str:
        return (
            f"the warehouse could not be rewritten as {new} ({reason}): make room or fix the permissions, "
            "then run `python -m pipeline compact` again; the warehouse is as it was"
        )

    with file_copy.clear_on_failure(lambda: _remove(new), refused), warehouse.exclusive() as connection:
        _remove(new)  # of a process that was killed
        connection.exec_driver_sql(sql.read("schema/checkpoint"))
        connection.rollback()
        before = path.stat().st_size
        _rewrite(connection, new)
        shutil.copymode(path, new)
        file_copy.flush_copy(new)
        new.replace(path)
        sync_folder(path.parent)
        warehouse.sleep(_GRACE_S)
    return Compacted(path, before, path.stat().st_size, time.monotonic() - started)


def _rewrite(connection: Connection, new: Path) -> None:
    # Neither names nor paths can be parameters here; the dialect quotes them.
    dialect = connection.dialect
    current = str(connection.exec_driver_sql(sql.read("schema/current_database")).scalar())
    quoted = sa.String().literal_processor(dialect)  # type: ignore[no-untyped-call]
    context = {
        "path": quoted(str(new)),
        "current": dialect.identifier_preparer.quote_identifier(current),
        "new": _NEW,
    }
    declared_anew = [table for table in _find_compressed_tables() if _is_as_declared(connection, table)]
    connection.rollback()

    def run(statement: str) -> None:
        connection.execute(sa.DDL(statement, context=context))  # type: ignore[no-untyped-call]
        connection.commit()

    run("attach %(path)s as %(new)s")
    run("copy from database %(current)s to %(new)s (schema)")
    # A file that is older than a column's compression knows nothing of it.
    for table in declared_anew:
        there = table.to_metadata(sa.MetaData(), schema=_NEW)
        there.drop(connection, checkfirst=False)
        there.create(connection, checkfirst=False)
    connection.commit()
    run("copy from database %(current)s to %(new)s (data)")
    run("checkpoint %(new)s")
    run("detach %(new)s")


def _find_compressed_tables() -> list[sa.Table]:
    return [
        table
        for table in tables.metadata.sorted_tables
        if any(isinstance(column.type, columns.Compressed) for column in table.columns)
    ]


def _is_as_declared(connection: Connection, table: sa.Table) -> bool:
    # Rows are copied by position.
    found = connection.exec_driver_sql(sql.read("schema/columns"), {"name": table.name})
    return [row.column_name for row in found] == [column.name for column in table.columns]


def _remove(new: Path) -> None:
    for left in (new, new.with_name(f"{new.name}.wal")):
        left.unlink(missing_ok=True)
