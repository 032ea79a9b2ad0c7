"""Turns landed chunks into rows: every table of every call in a load changes in one transaction, or none.

The transaction also records that the chunks are loaded, so running a load again, or two at once, loads each
chunk once. Loads are bounded in size: memory does not grow with what is waiting, and readers get the
warehouse back in between.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline import log, schema, sql
from pipeline.errors import LandingError
from pipeline.landing import LandedChunk, Landing
from pipeline.warehouse import Warehouse

# One load takes chunks until it would pass either bound, whichever comes first: what a load costs
# whatever its size, and half-filled blocks in the file, are shared by more calls; memory is the limit.
MOST_RECORDS = 1000
_MOST_BYTES = 32 * 1024 * 1024

# Statements in the order they run: what the load is, what it stages, then one file per table.
_STAGES_BEFORE = (
    "replaced",
    "staged_latency",
    "staged_items",
    "staged_speech",
    "staged_turns",
)
_TABLES = (
    "calls",
    "utterances",
    "words",
    "latency_stats",
    "latency_values",
    "call_analysis",
    "tool_calls",
    "transcript_events",
    "call_costs",
    "etl_drift",
    "conversations",
    "turn_timings",
)


@dataclass
class Loaded:
    """What loading did: chunks and payloads loaded, and a sentence for every chunk that could not be."""

    chunks: int = 0
    records: int = 0
    problems: list[str] = field(default_factory=list)


def pending(warehouse: Warehouse, landing: Landing) -> list[Path]:
    """Return the manifests of landed chunks that are not loaded yet, oldest first."""
    manifests = landing.manifests()
    if not manifests:
        return []
    with warehouse.reading() as connection:
        schema.check_unchanged(connection)
        loaded = _loaded_chunks(connection)
    return [path for chunk_id, path in manifests.items() if chunk_id not in loaded]


def load_pending(
    warehouse: Warehouse,
    landing: Landing,
    *,
    refresh_window_s: float,
    on_load: Callable[[int], None] = lambda records: None,
) -> Loaded:
    """Load every landed chunk that is not loaded yet; a damaged one is named and left, the others load.

    Raises WarehouseLocked when the warehouse stays held, WarehouseMismatch when its tables have become
    those of another version; what was loaded until then stays loaded.
    """
    loaded = load(
        warehouse, landing, pending(warehouse, landing), refresh_window_s=refresh_window_s, on_load=on_load
    )
    loaded.problems += [_lost_manifest(payloads) for payloads in landing.orphans()]
    return loaded


def replay_landed(
    warehouse: Warehouse,
    landing: Landing,
    *,
    refresh_window_s: float,
    on_load: Callable[[int], None] = lambda records: None,
) -> Loaded:
    """Normalise every landed payload again, as after a migration; an older one replaces no newer one."""
    loaded = load(
        warehouse,
        landing,
        list(landing.manifests().values()),
        refresh_window_s=refresh_window_s,
        replay=True,
        on_load=on_load,
    )
    loaded.problems += [_lost_manifest(payloads) for payloads in landing.orphans()]
    return loaded


def _lost_manifest(payloads: Path) -> str:
    """Return what is said of a payload file without a manifest."""
    return (
        f"the landed file {payloads} has no manifest: restore it, or run `python -m pipeline repair`, which "
        "lands its payloads again"
    )


def load(
    warehouse: Warehouse,
    landing: Landing,
    manifests: list[Path],
    *,
    refresh_window_s: float,
    replay: bool = False,
    on_load: Callable[[int], None] = lambda records: None,
) -> Loaded:
    """Load the given chunks in as many transactions as their size asks for."""
    loaded = Loaded()
    batches = _batches(_verified(landing, manifests, loaded.problems))
    alone: deque[list[LandedChunk]] = deque()
    while batch := alone.popleft() if alone else next(batches, None):
        if loaded.chunks:
            warehouse.make_way()
        try:
            with warehouse.writing() as connection:
                # Another version may have migrated the warehouse since this command began.
                schema.check_unchanged(connection)
                # Asked again under the lock: another process may have loaded some of them meanwhile.
                present = set() if replay else _loaded_chunks(connection)
                chunks = [chunk for chunk in batch if chunk.chunk_id not in present]
                if chunks:
                    load_chunks(connection, chunks, refresh_window_s=refresh_window_s, replay=replay)
        except (DBAPIError, LandingError) as failure:
            if len(batch) > 1:
                # One of them cannot be loaded; alone, it does not keep the others out.
                alone.extend([chunk] for chunk in batch)
            else:
                loaded.problems.append(
                    f"the landed chunk {batch[0].chunk_id} could not be loaded ({_kind(failure)}): "
                    "report this as a bug; its payloads stay landed for `python -m pipeline load`"
                )
            continue
        records = sum(chunk.record_count for chunk in chunks)
        loaded.chunks += len(chunks)
        loaded.records += records
        log.event("chunks_loaded", log.DEBUG, chunk_count=len(chunks), record_count=records)
        on_load(records)
    return loaded


def load_chunks(
    connection: Connection, chunks: list[LandedChunk], *, refresh_window_s: float, replay: bool = False
) -> str:
    """Run one load inside the caller's transaction; return its id.

    `refresh_window_s` decides which calls count as final; `replay` replaces rows even where the payload is
    the one they came from.
    """
    now = datetime.now(UTC)
    load_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    manifests = [sql.literal(chunk.manifest) for chunk in chunks]
    payloads = [sql.literal(chunk.payloads) for chunk in chunks if chunk.payloads is not None]
    connection.exec_driver_sql(sql.read("load/limits"))
    connection.exec_driver_sql(
        sql.read("load/this_load"),
        {"load_id": load_id, "recorded_at": now.replace(tzinfo=None), "refresh_window_s": refresh_window_s},
    )
    connection.exec_driver_sql(sql.read("load/manifests"), {"manifests": manifests})
    connection.exec_driver_sql(sql.read("load/landed"), {"replay": replay})
    if payloads:
        connection.exec_driver_sql(sql.read("load/joins_as_written"))
        connection.exec_driver_sql(sql.read("load/staged"), {"payloads": payloads})
        connection.exec_driver_sql(sql.read("load/joins_as_estimated"))
        if not connection.exec_driver_sql(sql.read("load/is_complete")).scalar():
            raise LandingError("its payloads are not those that its manifest names")
        for name in (*_STAGES_BEFORE, "stored_days", *_TABLES):
            connection.exec_driver_sql(sql.read(f"load/{name}"))
    for name in ("confirmed", "stored_days", "etl_rejects", "etl_outcomes", "etl_chunks"):
        connection.exec_driver_sql(sql.read(f"load/{name}"))
    return load_id


def _loaded_chunks(connection: Connection) -> set[str]:
    return set(connection.exec_driver_sql(sql.read("load/loaded_chunks")).scalars())


def _kind(failure: DBAPIError | LandingError) -> str:
    # DuckDB quotes the offending text after the kind of error, and that is no matter for a message.
    return str(failure.orig).split(":", 1)[0] if isinstance(failure, DBAPIError) else str(failure)


def _verified(landing: Landing, manifests: list[Path], problems: list[str]) -> Iterator[LandedChunk]:
    for manifest in manifests:
        try:
            yield landing.verified(manifest)
        except LandingError as damaged:
            problems.append(str(damaged))


def _batches(chunks: Iterator[LandedChunk]) -> Iterator[list[LandedChunk]]:
    batch: list[LandedChunk] = []
    records = size = 0
    for chunk in chunks:
        full = records + chunk.record_count > MOST_RECORDS or size + chunk.byte_count > _MOST_BYTES
        if batch and full:
            yield batch
            batch, records, size = [], 0, 0
        batch.append(chunk)
        records += chunk.record_count
        size += chunk.byte_count
    if batch:
        yield batch
