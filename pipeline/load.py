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
_MOST_RECORDS = 1500
_MOST_BYTES = 48 * 1024 * 1024

# Statements in the order they run: what is worked out of the payloads, then one file per table.
_STAGES = (
    "replaced",
    "staged_latency",
    "staged_items",
    "staged_speech",
    "staged_turns",
    "staged_conversations",
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
            with warehouse.exclusive() as connection:
                with connection.begin():
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
    """Run one load on a connection of `Warehouse.exclusive`; return its id.

    What the payloads come to is worked out in a transaction that changes temporary tables only, and becomes
    rows in another, with nobody else at the warehouse in between. `refresh_window_s` decides which calls
    count as final; `replay` replaces rows even where the payload is the one they came from.
    """
    now = datetime.now(UTC)
    load_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    this_load = {
        "load_id": load_id,
        "recorded_at": now.replace(tzinfo=None),
        "refresh_window_s": refresh_window_s,
    }
    run = connection.exec_driver_sql
    with connection.begin():
        run(sql.read("load/limits"))
        run(sql.read("load/this_load"), this_load)
        run(sql.read("load/manifests"), {"manifests": [sql.literal(chunk.manifest) for chunk in chunks]})
        run(sql.read("load/landed"), {"replay": replay})
        has_payloads = _stage(connection, chunks)
    with connection.begin():
        # Only what is committed gives its memory back.
        run(sql.read("load/staged_speech_gone"))
    with connection.begin():
        if has_payloads:
            for name in ("stored_days", *_TABLES):
                run(sql.read(f"load/{name}"))
        for name in ("confirmed", "stored_days", "etl_rejects", "etl_outcomes", "etl_chunks"):
            run(sql.read(f"load/{name}"))
    return load_id


def _stage(connection: Connection, chunks: list[LandedChunk]) -> bool:
    """Work out what the payloads come to; tell whether there are any."""
    payloads = [sql.literal(chunk.payloads) for chunk in chunks if chunk.payloads is not None]
    if not payloads:
        return False
    run = connection.exec_driver_sql
    # A load reads faster where all its payloads are known to be plain.
    reading = "read_plain" if all(chunk.is_plain for chunk in chunks) else "read_any"
    run(sql.read("load/payloads"), {"payloads": payloads})
    run(sql.read(f"load/{reading}"))
    run(sql.read("load/joins_as_written"))
    run(sql.read("load/staged"))
    run(sql.read("load/joins_as_estimated"))
    if not run(sql.read("load/is_complete")).scalar():
        raise LandingError("its payloads are not those that its manifest names")
    for name in _STAGES:
        run(sql.read(f"load/{name}"))
    return True


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
        full = records + chunk.record_count > _MOST_RECORDS or size + chunk.byte_count > _MOST_BYTES
        if batch and full:
            yield batch
            batch, records, size = [], 0, 0
        batch.append(chunk)
        records += chunk.record_count
        size += chunk.byte_count
    if batch:
        yield batch
