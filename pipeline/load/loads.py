"""Turns landed chunks into rows: every table of every call in a load changes in one transaction, or none.

The transaction also records that the chunks are loaded, so running a load again, or two at once, loads each
chunk once. Loads are bounded in size: memory does not grow with what is waiting, and other processes
can open the warehouse between two loads.
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
from pipeline.landing.chunk import LandedChunk
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.load_sizes import LoadDivider
from pipeline.load.staging import StagedLoad, StagingAhead
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
# What is noted of ids, whether there are payloads or not.
_LEDGER = (
    "confirmed",
    "call_events",
    "etl_events",
    "etl_rejects",
    "etl_outcomes",
    "deleted_calls",
    "stored_days",
    "etl_chunks",
)


@dataclass
class Loaded:
    """What loading did: chunks and payloads loaded, and a sentence for every chunk that could not be.

    `listed` of the payloads are items of a listing. `ahead` of the answers say that they came later than now,
    the last of them at `ahead_until` (UTC): the clock that stamped them was ahead.
    """

    chunks: int = 0
    records: int = 0
    listed: int = 0
    ahead: int = 0
    ahead_until: datetime | None = None
    problems: list[str] = field(default_factory=list)

    def note_ahead(self, answers: int, latest_at: datetime | None) -> None:
        """Note answers that came later than now."""
        self.ahead += answers
        if latest_at is not None:
            self.ahead_until = max(latest_at, self.ahead_until or latest_at)


def load_waiting(
    warehouse: Warehouse,
    queue: ChunkQueue,
    *,
    refresh_window_s: float,
    hides_deleted: bool = False,
    replay: bool = False,
    on_load: Callable[[Loaded], None] = lambda one: None,
    find_merged: Callable[[str], list[Path]] = lambda chunk_id: [],
    before_change: Callable[[], None] = lambda: None,
) -> Loaded:
    """Load the chunks of a queue, in as many transactions as their size asks for.

    A damaged chunk is named and left, the others load. It goes on with what a run puts into the queue
    meanwhile, as `LoadDivider` does. `replay` replaces rows even where the payload is the one they came from;
    `before_change` is called before a load is written that tells anything of calls, `on_load` of each load
    when it is committed; `find_merged` returns the merged chunks that took the
    place of a chunk, for one that is gone when its turn comes.

    Raises WarehouseLocked when the warehouse stays held, WarehouseMismatch when its tables have become those
    of another version; what was loaded until then stays loaded, and the other chunks wait in the queue again.
    """
    divider = LoadDivider(queue, find_merged=find_merged)
    loaded = Loaded()
    try:
        with closing(StagingAhead(warehouse, divider)) as ahead:
            for staged in ahead:
                if loaded.chunks:
                    warehouse.make_way()
                chunks = staged.chunks
                if staged.has_news:
                    before_change()
                try:
                    waiting = _write(
                        warehouse,
                        staged,
                        refresh_window_s=refresh_window_s,
                        hides_deleted=hides_deleted,
                        replay=replay,
                    )
                except (DBAPIError, LandingError) as failure:
                    if len(chunks) > 1:
                        # One of them cannot be loaded; alone, it does not keep the others out.
                        divider.retry([[chunk] for chunk in chunks])
                    else:
                        queue.settle(chunks[0].manifest)
                        loaded.problems.append(_describe_failure(chunks[0], failure))
                    continue
                if len(waiting) == len(chunks):
                    loaded.note_ahead(staged.ahead, staged.ahead_until)
                    records = sum(chunk.record_count for chunk in chunks)
                    listed = sum(chunk.record_count for chunk in chunks if chunk.is_listed)
                    loaded.chunks += len(chunks)
                    loaded.records += records
                    loaded.listed += listed
                    log.event("chunks_loaded", log.DEBUG, chunk_count=len(chunks), record_count=records)
                    on_load(Loaded(len(chunks), records, listed))
                    waiting = []
                elif waiting:
                    divider.retry([waiting])
                for chunk in chunks:
                    if chunk not in waiting:
                        queue.settle(chunk.manifest)
    finally:
        queue.put_back()
    loaded.problems += divider.problems
    return loaded


def _write(
    warehouse: Warehouse,
    staged: StagedLoad,
    *,
    refresh_window_s: float,
    hides_deleted: bool,
    replay: bool,
) -> list[LandedChunk]:
    """Write a staged load and return its chunks.

    If another process has loaded some of them meanwhile, write nothing and return only the others.
    """
    if staged.failure is not None:
        raise staged.failure
    with warehouse.write_from(staged.connection) as connection:
        with connection.begin():
            # Another version may have migrated the warehouse since this command began.
            schema.check_unchanged(connection)
            ids = set(connection.exec_driver_sql(sql.read("load/chunks_to_load")).scalars())
        waiting = [chunk for chunk in staged.chunks if replay or chunk.chunk_id in ids]
        if len(waiting) == len(staged.chunks):
            write_rows(
                connection,
                staged,
                refresh_window_s=refresh_window_s,
                hides_deleted=hides_deleted,
                replay=replay,
            )
    return waiting


def write_rows(
    connection: Connection,
    staged: StagedLoad,
    *,
    refresh_window_s: float,
    hides_deleted: bool = False,
    replay: bool = False,
) -> str:
    """Turn what is staged into rows, on a connection of `Warehouse.write_from`; return the load's id.

    `refresh_window_s` decides which calls count as final, `hides_deleted` whether views leave out those that
    are deleted at the source; `replay` replaces rows even where the payload is
    the one they came from.
    """
    now = datetime.now(UTC)
    load_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    this_load = {
        "load_id": load_id,
        "recorded_at": now.replace(tzinfo=None),
        "refresh_window_s": refresh_window_s,
        "hides_deleted": hides_deleted,
    }
    run = connection.exec_driver_sql
    with connection.begin():
        run(sql.read("load/this_load"), this_load)
        run(sql.read("load/landed"), {"replay": replay})
        staged.ahead, staged.ahead_until = run(sql.read("load/times_ahead")).one()
        if staged.has_payloads:
            for name in ("skipped", "replaced"):
                run(sql.read(f"load/{name}"))
    with connection.begin():
        if staged.has_payloads:
            for name in ("stored_days", *_TABLES):
                run(sql.read(f"load/{name}"))
        for name in _LEDGER:
            run(sql.read(f"load/{name}"))
    return load_id


def _describe_failure(chunk: LandedChunk, failure: DBAPIError | LandingError) -> str:
    # DuckDB quotes the offending text after the kind of error, and that is no matter for a message.
    kind = str(failure.orig).split(":", 1)[0] if isinstance(failure, DBAPIError) else str(failure)
    return (
        f"the landed chunk {chunk.chunk_id} could not be loaded ({kind}): report this as a bug; its payloads "
        "stay landed for `python -m pipeline load`"
    )
