"""Lands calls without a server: chunks as a backfill leaves them, for what is measured after that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.bodies import DISTINCT, Bodies
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Receipt, judge
from pipeline.load import loads
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.waiting import find_waiting
from pipeline.warehouse.database import Warehouse

CHUNK = 250


def land(folder: Path, ids: list[str], *, run_id: str = "run", distinct: int = DISTINCT) -> Landing:
    """Land calls with ids of `bodies.call_id` in chunks of the default size; return the landing."""
    landing = Landing(folder / "landing", folder / "quarantine")
    bodies = Bodies(distinct)
    fetched_at = datetime.now(UTC) - timedelta(minutes=1)
    for number, start in enumerate(range(0, len(ids), CHUNK)):
        writer = landing.open_chunk(run_id, number)
        for call_id in ids[start : start + CHUNK]:
            judgement = judge(Receipt(call_id, fetched_at, 200, 1), bodies.body(call_id.encode()))
            assert judgement.line is not None
            writer.add(judgement.outcome, judgement.line)
        writer.finish()
    return landing


def load_landed(warehouse: Warehouse, landing: Landing) -> loads.Loaded:
    """Load what is landed and not loaded yet, as `python -m pipeline load` does."""
    with warehouse.reading() as connection:
        queue = ChunkQueue(find_waiting(connection, landing).manifests.values())
    queue.close()
    return loads.load_waiting(warehouse, queue, refresh_window_s=86_400)
