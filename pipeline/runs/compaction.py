"""Compacts a warehouse and what is landed: small chunks into large ones, the file without unused room.

The chunks come first and hold nobody up: readers, loads and new runs go on. Only while the file is rewritten
can nobody open it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pipeline import sql
from pipeline.config import Settings
from pipeline.landing.folder import Landing
from pipeline.landing.merge import merge_small_chunks, remove_sources
from pipeline.load.staging import stage_manifests
from pipeline.runs.maintenance import Say, upgrade_warehouse
from pipeline.runs.record import new_run_id
from pipeline.times import utc_now
from pipeline.warehouse.database import Warehouse

if TYPE_CHECKING:
    from pipeline.warehouse.compact import Compacted


@dataclass(frozen=True)
class MergedChunks:
    """How many landed chunks were merged, and into how many; `problems` are those left as they are."""

    before: int
    after: int
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """Return what was done, in words."""
        if not self.before:
            return "no small landed chunks of past days to merge"
        return f"{self.before:,} landed chunks of past days are {self.after:,} now"


def compact_landing(settings: Settings, say: Say) -> MergedChunks:
    """Merge the small chunks of past days; raises as `open_warehouse` and `merge_landed` do."""
    return merge_landed(upgrade_warehouse(settings, say), Landing.of(settings))


def compact_file(settings: Settings, say: Say) -> Compacted:
    """Rewrite the file of the warehouse without unused room; raises as `open_warehouse` does."""
    # Only this declares the tables, which takes long.
    from pipeline.warehouse.compact import compact

    return compact(upgrade_warehouse(settings, say))


def merge_landed(warehouse: Warehouse, landing: Landing) -> MergedChunks:
    """Merge the small chunks that are loaded and were landed before today (UTC).

    Raises LandingError when merged chunks cannot be written, WarehouseError when the warehouse cannot.
    """
    run_id = new_run_id()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def choose(chunk_ids: list[str]) -> set[str]:
        parameters = {"chunk_ids": chunk_ids, "run_id": run_id, "as_of": utc_now()}
        with warehouse.reading() as connection:
            return set(connection.exec_driver_sql(sql.read("runs/mergeable_chunks"), parameters).scalars())

    done = merge_small_chunks(landing, run_id, today, choose)
    if done.sources:
        # Known before the others are gone: so no load takes a merged chunk for a new one.
        with warehouse.writing() as connection:
            _record(connection, [chunk.manifest for chunk in done.merged], run_id)
        remove_sources(done)
        with warehouse.writing() as connection:
            gone = {"chunk_ids": [chunk.chunk_id for chunk in done.sources]}
            connection.exec_driver_sql(sql.read("runs/forget_chunks"), gone)
    return MergedChunks(len(done.sources), len(done.merged), done.problems)


def _record(connection: Connection, manifests: list[Path], run_id: str) -> None:
    stage_manifests(connection, manifests)
    connection.exec_driver_sql(sql.read("runs/merged_chunks"), {"loaded_at": utc_now(), "load_id": run_id})
