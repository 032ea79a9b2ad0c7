"""Helpers for tests with a real warehouse: land payloads, load them, and read tables back to compare them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.landing.chunk import LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Receipt, judge
from pipeline.landing.ndjson import read_lines
from pipeline.load import loads
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.waiting import find_waiting
from pipeline.payload.body_hash import hash_body
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata

# When, how and by which run a payload came is no part of what it says.
_VOLATILE = {"first_seen_at", "extracted_at", "load_id", "sequence", "deleted_sequence", "event"}
# What views answered is no part of it either.
# What loads fill: the rows of a reference come with the package.
# What the payloads of calls become; events are what came of them beside these.
DATA_TABLES = [
    name
    for name in metadata.tables
    if not name.startswith(("etl_", "stored_", "known_")) and name != "call_events"
]
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)

Tables = dict[str, list[tuple[Any, ...]]]


def load_manifests(
    warehouse: Warehouse, manifests: Iterable[Path], *, refresh_window_s: float = 86_400, **options: Any
) -> loads.Loaded:
    """Load these chunks and no others."""
    queue = ChunkQueue(manifests, is_closed=True)
    return loads.load_waiting(warehouse, queue, refresh_window_s=refresh_window_s, **options)


@dataclass(frozen=True)
class Payload:
    """A body that was fetched for a call id at a time."""

    call_id: str
    body: bytes
    fetched_at: datetime = NOON


class Place:
    """A data folder with its landing, quarantine and warehouse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.landing = Landing(folder / "landing", folder / "quarantine")
        self.warehouse = Warehouse.at(folder / "warehouse.duckdb", lock_timeout_s=1)
        self._landed = 0

    def land(
        self, payloads: Iterable[Payload], run_id: str = "run", landed_at: datetime | None = None
    ) -> LandedChunk:
        """Land sound payloads as one chunk, now or at an earlier moment."""
        writer = self.landing.open_chunk(run_id, self._landed)
        self._landed += 1
        for payload in payloads:
            receipt = Receipt(payload.call_id, payload.fetched_at, 200, 1)
            judgement = judge(receipt, payload.body)
            assert judgement.line is not None, judgement.outcome
            writer.add(judgement.outcome, judgement.line)
        return writer.finish(landed_at=landed_at)

    def load(self) -> loads.Loaded:
        """Load what waits, into tables that are there or not."""
        schema.ensure(self.warehouse)
        return load_manifests(self.warehouse, self.waiting())

    def waiting(self) -> list[Path]:
        """Return the manifests of the chunks that wait."""
        with self.warehouse.reading() as connection:
            return list(find_waiting(connection, self.landing).manifests.values())

    def replay(self) -> loads.Loaded:
        """Load all that is landed again."""
        return load_manifests(self.warehouse, self.landing.find_manifests().values(), replay=True)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return query(self.warehouse, statement)

    def tables(self) -> Tables:
        """Return what the tables say."""
        return tables_of(self.warehouse)


def query(warehouse: Warehouse, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with warehouse.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def tables_of(warehouse: Warehouse) -> Tables:
    """Return every table of calls in a fixed order, without what depends on when they were loaded."""
    found = {}
    for name in DATA_TABLES:
        columns = [column.name for column in metadata.tables[name].columns if column.name not in _VOLATILE]
        listed = ", ".join(f'"{column}"' for column in columns)
        found[name] = query(warehouse, f"select {listed} from {name} order by all")
    return found


def warehouse_in(data_dir: Path) -> Warehouse:
    """Return the warehouse of a data folder."""
    return Warehouse.at(data_dir / "warehouse.duckdb", lock_timeout_s=1)


def put_in_quarantine(data_dir: Path, path: Path, body: bytes) -> None:
    """Put another body in the place of one in quarantine, as if it had come and was rejected by mistake."""
    path.write_bytes(body)
    with warehouse_in(data_dir).writing() as connection:
        connection.exec_driver_sql(
            "update etl_rejects set body_hash = $body_hash where path = $path",
            {"body_hash": hash_body(body), "path": f"{path.parent.name}/{path.name}"},
        )


def landed_calls(data_dir: Path) -> dict[str, int]:
    """Return how often each call was landed with a payload, as the manifests say."""
    counts: dict[str, int] = {}
    for path in (data_dir / "landing").glob("*/*.json"):
        for outcome in json.loads(path.read_bytes())["outcomes"]:
            if outcome["outcome"] == "accepted":
                counts[outcome["call_id"]] = counts.get(outcome["call_id"], 0) + 1
    return counts


def landed_lines(chunk: LandedChunk) -> list[bytes]:
    """Return the payloads of a landed chunk."""
    return [] if chunk.payloads is None else list(read_lines(chunk.payloads))


def as_body(document: Mapping[str, Any] | list[Any]) -> bytes:
    """Return a document as the API would send it."""
    return json.dumps(document).encode()
