"""Turns landed chunks into rows: every table of every call in a load changes in one transaction, or none.

The transaction also records that the chunks are loaded, so running a load again, or two at once, loads each
chunk once. Loads are bounded in size: memory does not grow with what is waiting, and readers get the
warehouse back in between.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline import log, sql
from pipeline.errors import LandingError
from pipeline.landing.folder import LandedChunk, Landing
from pipeline.load.batching import Backlog
from pipeline.load.chunk_queue import Arrivals
from pipeline.load.load_lock import hold_load_lock
from pipeline.load.staging import Ahead, Staged
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

# One file per table, in the order they run.
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
    return _pending(warehouse, landing.manifests())


def _pending(warehouse: Warehouse, manifests: dict[str, Path]) -> list[Path]:
    if not manifests:
        return []
    with warehouse.reading() as connection:
        schema.check_unchanged(connection)
        loaded = set(connection.exec_driver_sql(sql.read("load/loaded_chunks")).scalars())
    return [path for chunk_id, path in manifests.items() if chunk_id not in loaded]


def load_pending(
    warehouse: Warehouse,
    landing: Landing,
    *,
    refresh_window_s: float,
    arrivals: Arrivals | None = None,
    on_load: Callable[[Loaded], None] = lambda one: None,
) -> Loaded:
    """Load every landed chunk that is not loaded yet; a damaged one is named and left, the others load.

    Goes on with `arrivals`, as `Backlog` does. `on_load` is told of each load when it is committed.
    Raises WarehouseLocked when the warehouse stays held, WarehouseMismatch when its tables have become those
    of another version; what was loaded until then stays loaded.
    """
    with hold_load_lock(warehouse):
        manifests = landing.manifests()
        backlog = Backlog(landing, _pending(warehouse, manifests), arrivals, known=manifests)
        loaded = _load(warehouse, backlog, refresh_window_s=refresh_window_s, on_load=on_load)
    loaded.problems += [_lost_manifest(payloads) for payloads in landing.orphans()]
    return loaded


def replay_landed(
    warehouse: Warehouse,
    landing: Landing,
    *,
    refresh_window_s: float,
    on_load: Callable[[Loaded], None] = lambda one: None,
) -> Loaded:
    """Normalise every landed payload again, as after a migration; an older one replaces no newer one."""
    manifests = list(landing.manifests().values())
    loaded = load(
        warehouse, landing, manifests, refresh_window_s=refresh_window_s, replay=True, on_load=on_load
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
    on_load: Callable[[Loaded], None] = lambda one: None,
) -> Loaded:
    """Load the given chunks in as many transactions as their size asks for. Raises as `load_pending` does."""
    backlog = Backlog(landing, manifests)
    return _load(warehouse, backlog, refresh_window_s=refresh_window_s, replay=replay, on_load=on_load)


def _load(
    warehouse: Warehouse,
    backlog: Backlog,
    *,
    refresh_window_s: float,
    replay: bool = False,
    on_load: Callable[[Loaded], None],
) -> Loaded:
    loaded = Loaded()
    with closing(Ahead(warehouse, backlog)) as ahead:
        for staged in ahead:
            if loaded.chunks:
                warehouse.make_way()
            chunks = staged.chunks
            try:
                waiting = _write(warehouse, staged, refresh_window_s=refresh_window_s, replay=replay)
            except (DBAPIError, LandingError) as failure:
                if len(chunks) > 1:
                    # One of them cannot be loaded; alone, it does not keep the others out.
                    backlog.try_again([[chunk] for chunk in chunks])
                else:
                    loaded.problems.append(
                        f"the landed chunk {chunks[0].chunk_id} could not be loaded ({_kind(failure)}): "
                        "report this as a bug; its payloads stay landed for `python -m pipeline load`"
                    )
                continue
            if len(waiting) < len(chunks):
                if waiting:
                    backlog.try_again([waiting])
                continue
            records = sum(chunk.record_count for chunk in chunks)
            loaded.chunks += len(chunks)
            loaded.records += records
            log.event("chunks_loaded", log.DEBUG, chunk_count=len(chunks), record_count=records)
            on_load(Loaded(len(chunks), records))
    loaded.problems += backlog.problems
    return loaded


def _write(
    warehouse: Warehouse, staged: Staged, *, refresh_window_s: float, replay: bool
) -> list[LandedChunk]:
    """Write what is staged; return its chunks, or if another process has loaded some those that it has not.

    Then nothing is written.
    """
    if staged.failure is not None:
        raise staged.failure
    with warehouse.written_from(staged.connection) as connection:
        with connection.begin():
            # Another version may have migrated the warehouse since this command began.
            schema.check_unchanged(connection)
            ids = set(connection.exec_driver_sql(sql.read("load/chunks_left")).scalars())
        waiting = [chunk for chunk in staged.chunks if replay or chunk.chunk_id in ids]
        if len(waiting) == len(staged.chunks):
            write_rows(connection, staged, refresh_window_s=refresh_window_s, replay=replay)
    return waiting


def write_rows(
    connection: Connection, staged: Staged, *, refresh_window_s: float, replay: bool = False
) -> str:
    """Turn what is staged into rows, on a connection of `Warehouse.written_from`; return the load's id.

    `refresh_window_s` decides which calls count as final; `replay` replaces rows even where the payload is
    the one they came from.
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
        run(sql.read("load/this_load"), this_load)
        run(sql.read("load/landed"), {"replay": replay})
        if staged.has_payloads:
            for name in ("left", "replaced"):
                run(sql.read(f"load/{name}"))
    with connection.begin():
        if staged.has_payloads:
            for name in ("stored_days", *_TABLES):
                run(sql.read(f"load/{name}"))
        for name in ("confirmed", "stored_days", "etl_rejects", "etl_outcomes", "etl_chunks"):
            run(sql.read(f"load/{name}"))
    return load_id


def _kind(failure: DBAPIError | LandingError) -> str:
    # DuckDB quotes the offending text after the kind of error, and that is no matter for a message.
    return str(failure.orig).split(":", 1)[0] if isinstance(failure, DBAPIError) else str(failure)
