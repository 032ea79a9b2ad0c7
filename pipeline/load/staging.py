"""Works out what landed payloads come to, in memory and beside the warehouse, which is not held meanwhile.

While the rows of one load are written, the next is staged in a thread of its own: never more than that one,
because what is staged is most of what a run keeps in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline import process, sql
from pipeline.errors import LandingError
from pipeline.landing.chunk import LandedChunk
from pipeline.load.load_sizes import LoadDivider
from pipeline.load.payload_fields import describe_fields
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse, close_connection
from pipeline.warehouse.duckdb_errors import translate_failures

if TYPE_CHECKING:
    from pipeline.load import turn_taking

_INTERRUPT_EVERY_S = 0.1
_SHORT_MANIFEST = 2**22
_NUMPY_MB = 128


@dataclass
class StagedLoad:
    """A load that can be written: its chunks, and in temporary tables of the connection their payloads.

    `has_news` says that its chunks tell anything of calls: not only that somebody asked for them.
    `failure` says why they could not be staged; `ahead` and `ahead_until` are as in `loads.Loaded`, once it
    is written.
    """

    chunks: list[LandedChunk]
    connection: Connection
    has_payloads: bool = False
    has_news: bool = False
    failure: DBAPIError | LandingError | None = None
    ahead: int = 0
    ahead_until: datetime | None = None


class StagingAhead:
    """Steps the loads of a queue, one ahead of the one that is taken; iterate once, then close."""

    def __init__(self, warehouse: Warehouse, divider: LoadDivider) -> None:
        self._warehouse = warehouse
        self._divider = divider
        self._thread = ThreadPoolExecutor(1, "staging")
        # The connection that is worked in, to interrupt it.
        self._connection: Connection | None = None
        self._under_way: Future[StagedLoad | None] = self._thread.submit(self._stage_next)
        self._taken: StagedLoad | None = None

    def __iter__(self) -> Iterator[StagedLoad]:
        """Yield what is staged, each to be written before the next is asked for."""
        while True:
            staged = self._under_way.result()
            if staged is None and not self._divider.has_retries:
                return
            self._under_way = self._thread.submit(self._stage_next)
            if staged is not None:
                self._taken = staged
                yield staged
                close_connection(staged.connection)

    def close(self) -> None:
        """Give up what is staged and not written."""
        if self._taken is not None:
            close_connection(self._taken.connection)
        while not (self._under_way.cancel() or self._under_way.done()):
            if (connection := self._connection) is not None:
                # It may have ended just now.
                with suppress(Exception):
                    connection.connection.driver_connection.interrupt()  # type: ignore[union-attr]
            wait([self._under_way], _INTERRUPT_EVERY_S)
        self._thread.shutdown()
        if not self._under_way.cancelled() and self._under_way.exception() is None:
            staged = self._under_way.result()
            if staged is not None:
                close_connection(staged.connection)

    def _stage_next(self) -> StagedLoad | None:
        chunks = self._divider.next()
        return None if chunks is None else self._stage(chunks)

    def _stage(self, chunks: list[LandedChunk]) -> StagedLoad:
        connection = self._connection = self._warehouse.scratch()
        staged = StagedLoad(chunks, connection)
        try:
            with translate_failures(self._warehouse.path):
                staged.has_payloads = stage_chunks(connection, chunks)
                with connection.begin():
                    found = connection.exec_driver_sql(sql.read("stage/has_news")).scalar()
                staged.has_news = bool(found)
        except (DBAPIError, LandingError) as failure:
            staged.failure = failure
            close_connection(connection)
        except BaseException:
            close_connection(connection)
            raise
        finally:
            self._connection = None
        return staged


def stage_chunks(connection: Connection, chunks: list[LandedChunk]) -> bool:
    """Fill the temporary tables; return whether there are payloads."""
    run = connection.exec_driver_sql
    payloads = _name_payload_files(chunks)
    # What nobody has seen to be plain is read a second time, for what the first read drops.
    odd_payloads = _name_payload_files(chunk for chunk in chunks if not chunk.is_plain)
    with connection.begin():
        for name in ("limits", "one_thread"):
            run(sql.read(f"stage/{name}"))
        stage_manifests(connection, [chunk.manifest for chunk in chunks])
        run(sql.read("stage/answers"))
        if not payloads:
            return False
        for group in schema.PAYLOAD_MACROS:
            schema.apply_group(connection, group)
        run(sql.read("stage/payload_fields"), {"payload_fields": describe_fields()})
        run(sql.read("stage/payloads"), {"payloads": payloads})
        run(sql.read("stage/joins_as_written"))
        run(sql.read("stage/odd_payloads"))
        if odd_payloads:
            run(sql.read("stage/odd_payloads_read"), {"odd_payloads": odd_payloads})
        run(sql.read("stage/staged"))
        run(sql.read("stage/joins_as_estimated"))
        if not run(sql.read("stage/is_complete")).scalar():
            raise LandingError("its payloads are not those that its manifest names")
        for name in ("staged_latency", "placed_turns", "staged_items"):
            run(sql.read(f"stage/{name}"))
        with _provide_measures(connection):
            for name in ("staged_turns", "staged_conversations"):
                run(sql.read(f"stage/{name}"))
    return True


def stage_manifests(connection: Connection, manifests: list[Path]) -> None:
    """Fill the temporary table of manifests; raises LandingError where one is gone."""
    try:
        longest = max(_SHORT_MANIFEST, *(1 + manifest.stat().st_size for manifest in manifests))
    except OSError as gone:
        raise LandingError(f"a manifest is gone ({gone.filename})") from None
    parameters = {"manifests": [sql.escape_path(manifest) for manifest in manifests], "longest": longest}
    connection.exec_driver_sql(sql.read("stage/manifests"), parameters)


def _name_payload_files(chunks: Iterable[LandedChunk]) -> list[str]:
    return [sql.escape_path(chunk.payloads) for chunk in chunks if chunk.payloads is not None]


@contextmanager
def _provide_measures(connection: Connection) -> Iterator[None]:
    """Let statements read what the staged calls' timed words come to: `measured_turns`, `measured_calls`."""
    # numpy, which only loads need, takes a tenth of a second to import.
    # Its library ends the process where it has too little memory.
    process.check_memory(_NUMPY_MB)
    from pipeline.load import turn_taking

    turns, calls = turn_taking.measure(
        _select_columns(connection, "timed_words"), _select_columns(connection, "tool_turns")
    )
    database = connection.connection.driver_connection
    assert database is not None
    database.register("measured_turns", turns)
    database.register("measured_calls", calls)
    try:
        yield
    finally:
        database.unregister("measured_turns")
        database.unregister("measured_calls")


def _select_columns(connection: Connection, name: str) -> turn_taking.Columns:
    """Return what a statement selects, as arrays."""
    result = connection.exec_driver_sql(sql.read(f"stage/{name}"))
    try:
        columns: turn_taking.Columns = result.cursor.fetchnumpy()
    except duckdb.Error as failure:
        # As SQLAlchemy does, which knows nothing of arrays.
        raise DBAPIError.instance(name, None, failure, duckdb.Error, dialect=connection.dialect) from failure
    return columns
