"""The warehouse file: who may open it, when, and what happens while somebody else holds it.

The file is open for writing only inside `Warehouse.writing`, one transaction long, and never while the
network is awaited. DuckDB lets one process write or many read; so opening waits for the others, says who
holds the file, and gives up after a limit with everything landed still safe.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.pool import NullPool

from pipeline import filecopy, queue, sql
from pipeline.config import Settings
from pipeline.errors import ConfigurationError, WarehouseError, WarehouseLocked, WarehouseMissing

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.1
# Longer than the longest pause, so that whoever waits tries at least once while the file is free.
_MAKE_WAY_S = 0.3
_SAY_EVERY_S = 10.0
_HURRIED_TIMEOUT_S = 2.0
_REASON_LIMIT = 200
_UNUSABLE_URL = "the warehouse must be a DuckDB file or a duckdb:/// URL of one: check PIPELINE_WAREHOUSE"


def _silent(message: str) -> None:
    """Drop a message: the default for code that runs without a user."""


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB database, named by SQLAlchemy URL; `say` receives one line while a lock is waited for."""

    url: URL
    lock_timeout_s: float = 60
    # Set when the user wants to stop: a lock is then hardly waited for any more.
    in_a_hurry: threading.Event = field(default_factory=threading.Event, compare=False)
    turn: threading.RLock = field(default_factory=threading.RLock, compare=False)
    say: Callable[[str], None] = field(default=_silent, compare=False)
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    @classmethod
    def of(cls, settings: Settings, say: Callable[[str], None] = _silent) -> Warehouse:
        """Return the warehouse of the settings; raise ConfigurationError for one that cannot be used."""
        where = settings.warehouse_location
        try:
            # A path is not parsed as a URL: it may hold a question mark.
            url = make_url(where) if "://" in where else URL.create("duckdb", database=where)
        except ArgumentError:
            raise ConfigurationError(_UNUSABLE_URL) from None
        if url.get_backend_name() != "duckdb" or url.database in (None, "", ":memory:"):
            raise ConfigurationError(_UNUSABLE_URL)
        if "?" in str(url.database):
            raise ConfigurationError(
                "DuckDB cannot use a path with a question mark: choose another --data-dir or --warehouse"
            )
        if str(url.query.get("access_mode", "")).lower() == "read_only":
            raise ConfigurationError("the warehouse is written to: take access_mode=read_only out of its URL")
        return cls(url, settings.lock_timeout_s, say=say)

    @classmethod
    def at(cls, path: Path, lock_timeout_s: float = 60) -> Warehouse:
        """Return the warehouse in a file, which need not be there yet."""
        return cls(URL.create("duckdb", database=str(path)), lock_timeout_s)

    @classmethod
    def in_memory(cls) -> Warehouse:
        """Return a warehouse that is empty each time it is opened."""
        return cls(URL.create("duckdb", database=":memory:"))

    @property
    def path(self) -> Path | None:
        """The database file, or None for one in memory."""
        database = self.url.database
        return None if database in (None, "", ":memory:") else Path(str(database))

    @property
    def exists(self) -> bool:
        """Whether the database file is there."""
        return self.path is not None and self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open read-only, beside any number of other readers.

        Raises WarehouseMissing when there is no file and WarehouseLocked when a writer stays too long.
        """
        if not self.exists:
            raise WarehouseMissing(str(self.path))
        with self._open(read_only=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open for one transaction: committed when the block ends, rolled back when it raises.

        Raises WarehouseLocked when others keep the file open for longer than the lock timeout.
        """
        with self.exclusive() as connection, connection.begin():
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Open for writing without a transaction: for work that is more than one, such as a migration.

        Raises as `writing` does.
        """
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as refused:
                raise WarehouseError(
                    f"cannot create {self.path.parent} ({refused.strerror}): "
                    "choose a place you can write to with --warehouse or --data-dir"
                ) from None
        with self._open(read_only=False) as connection:
            yield connection

    def copy_to(self, connection: Connection, target: Path, *, is_flushed: bool = True) -> None:
        """Copy the database file, whole, while `connection` from `exclusive` keeps everybody else out.

        The copy is on disk when this returns, or if not `is_flushed` when the caller has seen to it. Raises
        OSError when the copy cannot be made; then there is none.
        """
        connection.exec_driver_sql(sql.read("schema/checkpoint"))
        connection.rollback()  # ends the implicit transaction of the checkpoint; the file lock stays
        filecopy.copy_file(Path(str(self.path)), target, is_flushed=is_flushed)

    def make_way(self) -> None:
        """Leave the file alone for a moment if somebody waits for it: for between two loads of many."""
        if queue.is_waited_for(self.path):
            self.sleep(_MAKE_WAY_S)

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[Connection]:
        # NullPool: closing the connection closes the file, which is what lets the next process in.
        try:
            engine = create_engine(
                self.url, poolclass=NullPool, connect_args={"read_only": True} if read_only else {}
            )
        except NoSuchModuleError:
            raise ConfigurationError(f"no driver for the warehouse {self.url}: use a DuckDB file") from None
        # DuckDB's lock is between processes; the threads of one take turns here.
        with self.turn:
            connection = self._connected(engine.connect)
            try:
                with self._failures_named():
                    yield connection
            finally:
                connection.close()
                engine.dispose()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InternalError) as failure:
            # The disk or the memory, not what was asked: the first line names it and quotes no row.
            reason = str(failure.orig).splitlines()[0][:_REASON_LIMIT]
            raise WarehouseError(
                f"the warehouse {self.path} could not be read or written ({reason}): mend that, then run the "
                "same command again; everything fetched is landed and waits"
            ) from None
        except RuntimeError as failure:
            # How DuckDB passes on a Ctrl-C that arrives while it works in the main thread.
            if "interrupted" in str(failure).lower():
                raise KeyboardInterrupt from None
            raise

    def _connected(self, connect: Callable[[], Connection]) -> Connection:
        held = self._tried(connect)
        if isinstance(held, Connection):
            return held
        with queue.waiting(self.path):
            return self._wait_for(connect)

    def _tried(self, connect: Callable[[], Connection]) -> Connection | str:
        """Return the connection, or who holds the file."""
        try:
            return connect()
        except DBAPIError as failure:
            problem = str(failure.orig)
            # In one process DuckDB refuses a second way of opening with another message.
            if "lock on file" not in problem and "different configuration" not in problem:
                raise self._unusable(problem) from None
            found = _HOLDER.search(problem)
            return f"{Path(found['program']).name} (process {found['pid']})" if found else "another process"

    def _wait_for(self, connect: Callable[[], Connection]) -> Connection:
        waited_s, said_s, pause_s = 0.0, -_SAY_EVERY_S, _FIRST_PAUSE_S
        while True:
            holder = self._tried(connect)
            if isinstance(holder, Connection):
                return holder
            hurried = self.in_a_hurry.is_set()
            limit_s = min(self.lock_timeout_s, _HURRIED_TIMEOUT_S) if hurried else self.lock_timeout_s
            if waited_s >= limit_s:
                raise WarehouseLocked(str(self.path), holder, waited_s)
            if waited_s - said_s >= _SAY_EVERY_S:
                self.say(f"waiting for {self.path}: held by {holder} (up to {self.lock_timeout_s:.0f} s)")
                said_s = waited_s
            self.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _unusable(self, problem: str) -> WarehouseError:
        first_line = problem.splitlines()[0]
        if "not a valid DuckDB database" in first_line:
            return WarehouseError(f"{self.path} is not a DuckDB file: name another with --warehouse")
        reason = first_line.removeprefix("IO Error: ")
        return WarehouseError(
            f"cannot open the warehouse {self.path} ({reason}): check the path and its permissions, "
            "or name another with --warehouse"
        )
