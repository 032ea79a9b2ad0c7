"""Works out what landed payloads come to, in memory and beside the warehouse, which is not held meanwhile.

While the rows of one load are written, the next is staged in a thread of its own: never more than that one,
because what is staged is most of what a run keeps in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pipeline import sql
from pipeline.errors import LandingError
from pipeline.landing.folder import LandedChunk
from pipeline.load.batching import Backlog
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse, close
from pipeline.warehouse.duckdb_errors import failures_named

if TYPE_CHECKING:
    from pipeline.load import turn_taking

_INTERRUPT_EVERY_S = 0.1


@dataclass
class Staged:
    """A load that can be written: its chunks, and in temporary tables of the connection their payloads.

    `failure` says why they could not be staged.
    """

    chunks: list[LandedChunk]
    connection: Connection
    has_payloads: bool = False
    failure: DBAPIError | LandingError | None = None


class Ahead:
    """Stages the loads of a backlog, one ahead of the one that is taken; iterate once, then close."""

    def __init__(self, warehouse: Warehouse, backlog: Backlog) -> None:
        self._warehouse = warehouse
        self._backlog = backlog
        self._thread = ThreadPoolExecutor(1, "staging")
        # The connection that is worked in, to interrupt it.
        self._connection: Connection | None = None
        self._under_way: Future[Staged | None] = self._thread.submit(self._stage_next)
        self._taken: Staged | None = None

    def __iter__(self) -> Iterator[Staged]:
        """Yield what is staged, each to be written before the next is asked for."""
        while True:
            staged = self._under_way.result()
            if staged is None and not self._backlog.is_tried_again:
                return
            self._under_way = self._thread.submit(self._stage_next)
            if staged is not None:
                self._taken = staged
                yield staged
                close(staged.connection)

    def close(self) -> None:
        """Give up what is staged and not written."""
        if self._taken is not None:
            close(self._taken.connection)
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
                close(staged.connection)

    def _stage_next(self) -> Staged | None:
        chunks = self._backlog.next()
        return None if chunks is None else self._staged(chunks)

    def _staged(self, chunks: list[LandedChunk]) -> Staged:
        connection = self._connection = self._warehouse.scratch()
        staged = Staged(chunks, connection)
        try:
            with failures_named(self._warehouse.path):
                staged.has_payloads = worked_out(connection, chunks)
        except (DBAPIError, LandingError) as failure:
            staged.failure = failure
            close(connection)
        except BaseException:
            close(connection)
            raise
        finally:
            self._connection = None
        return staged


def worked_out(connection: Connection, chunks: list[LandedChunk]) -> bool:
    """Fill the temporary tables; tell whether there are payloads."""
    run = connection.exec_driver_sql
    payloads = [sql.literal(chunk.payloads) for chunk in chunks if chunk.payloads is not None]
    with connection.begin():
        for name in ("limits", "one_thread"):
            run(sql.read(f"stage/{name}"))
        run(sql.read("stage/manifests"), {"manifests": [sql.literal(chunk.manifest) for chunk in chunks]})
        run(sql.read("stage/answers"))
        if not payloads:
            return False
        schema.apply_group(connection, schema.PAYLOAD_MACROS)
        run(sql.read("stage/payloads"), {"payloads": payloads})
        # A load reads faster where all its payloads are known to be plain.
        run(sql.read("stage/read_plain" if all(chunk.is_plain for chunk in chunks) else "stage/read_any"))
        run(sql.read("stage/joins_as_written"))
        run(sql.read("stage/staged"))
        run(sql.read("stage/joins_as_estimated"))
        if not run(sql.read("stage/is_complete")).scalar():
            raise LandingError("its payloads are not those that its manifest names")
        for name in ("staged_latency", "staged_items"):
            run(sql.read(f"stage/{name}"))
        with _measured(connection):
            for name in ("staged_turns", "staged_conversations"):
                run(sql.read(f"stage/{name}"))
    return True


@contextmanager
def _measured(connection: Connection) -> Iterator[None]:
    """Let statements read what the staged calls' timed words come to: `measured_turns`, `measured_calls`."""
    # numpy, which only loads need, takes a tenth of a second to import.
    from pipeline.load import turn_taking

    turns, calls = turn_taking.measured(
        _columns(connection, "timed_words"), _columns(connection, "tool_turns")
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


def _columns(connection: Connection, name: str) -> turn_taking.Columns:
    """Return what a statement selects, as arrays."""
    result = connection.exec_driver_sql(sql.read(f"stage/{name}"))
    try:
        columns: turn_taking.Columns = result.cursor.fetchnumpy()
    except duckdb.Error as failure:
        # As SQLAlchemy does, which knows nothing of arrays.
        raise DBAPIError.instance(name, None, failure, duckdb.Error, dialect=connection.dialect) from failure
    return columns
