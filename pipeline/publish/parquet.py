"""Publishes the warehouse as Parquet, a folder per table and day, and writes only the days that changed.

    <folder>/<table>/day=2026-01-31/*.parquet    the table's rows of the calls of that day
    <folder>/manifest.json                       schema revision, when, after which run, every day's state

A day is that of `calls.day`. Calls without one are in `day=__HIVE_DEFAULT_PARTITION__`, which readers of
such folders take for null. The manifest is written last, and
while there is none the next publication writes every day again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pipeline import sql, times
from pipeline.errors import WarehouseError
from pipeline.files.atomic import write_atomically
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import CALL_TABLES

_MANIFEST = "manifest.json"
# Days that are written by one statement: enough to share its cost, few enough to keep memory flat.
_DAYS_AT_ONCE = 31


@dataclass(frozen=True)
class Exported:
    """What a publication as Parquet did: days written, days taken away, and days left as they were."""

    folder: Path
    written: int
    removed: int
    unchanged: int


def export(copy: Path, folder: Path) -> Exported:
    """Bring the Parquet folder to the state of a readers' copy.

    Raises WarehouseError when the folder holds something else or cannot be written to.
    """
    known = _read_manifest(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with Warehouse.at(copy).reading() as connection, tempfile.TemporaryDirectory(dir=folder) as making:
            revision = schema.read_revision(connection)
            days = {
                str(day): {"calls": calls, "fingerprint": fingerprint}
                for day, calls, fingerprint in connection.exec_driver_sql(sql.read("publish/days"))
            }
            before = known["days"] if known.get("revision") == revision else {}
            changed = [day for day in days if before.get(day) != days[day]]
            gone = [day for day in known["days"] if day not in days]
            # Until the new manifest is there, none says that a day is whole that may not be.
            (folder / _MANIFEST).unlink(missing_ok=True)
            for start in range(0, len(changed), _DAYS_AT_ONCE):
                _write(connection, Path(making) / str(start), folder, changed[start : start + _DAYS_AT_ONCE])
            for table in _list_tables():
                for day in gone:
                    shutil.rmtree(folder / table / f"day={day}", ignore_errors=True)
            run_id = connection.exec_driver_sql(sql.read("publish/latest_run")).scalar()
        manifest = {
            "revision": revision,
            "run_id": run_id,
            "published_at": f"{times.utc_now().isoformat()}Z",
            "tables": _list_tables(),
            "days": days,
        }
        write_atomically(folder / _MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
    except OSError as refused:
        raise WarehouseError(
            f"cannot write Parquet to {folder} ({refused.strerror}): make room or name another folder"
        ) from None
    return Exported(folder, len(changed), len(gone), len(days) - len(changed))


def _write(connection: Connection, making: Path, folder: Path, days: list[str]) -> None:
    for table in _list_tables():
        made = making / table
        made.parent.mkdir(parents=True, exist_ok=True)
        connection.exec_driver_sql(
            sql.read("publish/day_rows"), {"table": table, "days": days, "folder": str(made.absolute())}
        )
        for day in days:
            new, place = made / f"day={day}", folder / table / f"day={day}"
            place.parent.mkdir(exist_ok=True)
            if place.exists():
                place.rename(making / f"{table}-{day}.old")
            if new.exists():  # a table without rows on that day has no folder
                new.rename(place)


def _list_tables() -> list[str]:
    return sorted(table.name for table in CALL_TABLES if not table.name.startswith("etl_"))


def _read_manifest(folder: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"days": {}}
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return empty
        if not (folder / _MANIFEST).exists():
            # An earlier publication was cut short, or the folder is somebody else's.
            if {path.name for path in folder.iterdir() if not path.name.startswith("tmp")} <= set(
                _list_tables()
            ):
                return empty
            raise ValueError
        known: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
        return known if isinstance(known["days"], dict) else empty
    except (OSError, ValueError, KeyError, TypeError):
        raise WarehouseError(
            f"{folder} holds something else than published tables: name an empty or a new folder"
        ) from None
