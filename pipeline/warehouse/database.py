"""The warehouse file: who may open it, when, and what happens while somebody else holds it.

The file is open for writing only while a transaction or a few need it, and never while the network is awaited
or payloads are staged: what can be done before is done in memory (`Warehouse.scratch`). DuckDB lets one
process write or many read; so opening waits for the others, says who holds the file, and gives up after a
limit with everything landed still safe.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import DDL, URL, Connection, Engine, String, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from pipeline import process, sql
from pipeline.config import Settings
from pipeline.errors import (
    ConfigurationError,
    WarehouseError,
    WarehouseFailed,
    WarehouseLocked,
    WarehouseMissing,
)
from pipeline.process import signals
from pipeline.warehouse import create, file_copy, waiters
from pipeline.warehouse.duckdb_errors import (
    explain_open_failure,
    find_holder,
    translate_failures,
    translate_interruption,
)

# Whoever is interrupted while a connection is closed says so; SQLAlchemy would write a traceback beside it.
logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.1
# Longer than the longest pause, so that whoever waits tries at least once while the file is free.
_MAKE_WAY_S = 0.3
_SAY_EVERY_S = 10.0
_HURRIED_TIMEOUT_S = 2.0
_LEAST_MEMORY_MB = 64
_UNUSABLE_URL = "the warehouse must be a DuckDB file or a duckdb:/// URL of one: check PIPELINE_WAREHOUSE"


def _say_nothing(message: str) -> None:
    """Drop a message: the default for code that runs without a user."""


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB database, named by SQLAlchemy URL; `say` receives one line while a lock is waited for."""

    url: URL
    lock_timeout_s: float = 60
    # Set when the user wants to stop: a lock is then hardly waited for any more.
    in_a_hurry: threading.Event = field(default_factory=threading.Event, compare=False)
    thread_lock: threading.RLock = field(default_factory=threading.RLock, compare=False)
    say: Callable[[str], None] = field(default=_say_nothing, compare=False)
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    @classmethod
    def of(cls, settings: Settings, say: Callable[[str], None] = _say_nothing) -> Warehouse:
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
    def writing(self, *, is_followed: bool = False) -> Iterator[Connection]:
        """Open for one transaction: committed when the block ends, rolled back when it raises.

        One that `is_followed` by others of the same run stays in the log beside the file, which the last of
        them brings into the file. Raises WarehouseLocked when others keep the file open for longer than the
        lock timeout.
        """
        with self.exclusive() as connection:
            if is_followed:
                connection.exec_driver_sql(sql.read("schema/keep_log"))
                connection.rollback()
            with connection.begin():
                yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Open for writing without a transaction: for work that is more than one, such as a migration.

        Raises as `writing` does.
        """
        self._ensure_file()
        with self._open(read_only=False) as connection:
            yield connection

    def scratch(self) -> Connection:
        """Return a connection to an empty database in memory, which may spill over beside the file.

        It is the caller's to close, or `write_from` closes it.
        """
        config = dict(create.FORMAT)
        if self.path is not None:
            # One of its own: two databases would put blocks aside under the same names.
            place = self.path.absolute()
            own = f"{place.stem}.{secrets.token_hex(4)}{place.suffix}.tmp"
            config["temp_directory"] = str(place.with_name(own))
        _check_memory(self.path)
        # What the URL says of memory and threads holds here too.
        return self._engine(self.url.set(database=":memory:"), {"config": config}).connect()

    @contextmanager
    def write_from(self, scratch: Connection) -> Iterator[Connection]:
        """Open for writing, as `exclusive`, in a connection that has rows in temporary tables of its own.

        Names without a place are those of the temporary tables, then the warehouse's. The connection is
        closed when the block ends, and when the warehouse cannot be opened.
        """
        with self.thread_lock:
            try:
                self._ensure_file()
                with translate_interruption():
                    self._connect(lambda: _attach(scratch, Path(str(self.path)).absolute()))
                with translate_failures(self.path):
                    yield scratch
            finally:
                close_connection(scratch)

    def _ensure_file(self) -> None:
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as refused:
                raise WarehouseError(
                    f"cannot create {self.path.parent} ({refused.strerror}): "
                    "choose a place you can write to with --warehouse or --data-dir"
                ) from None
            create.ensure_file(self.path)

    def copy_to(self, connection: Connection, target: Path, *, is_flushed: bool = True) -> None:
        """Copy the database file, whole, while `connection` from `exclusive` keeps everybody else out.

        The copy is on disk when this returns, or if not `is_flushed` when the caller has seen to it. Raises
        OSError when the copy cannot be made; then there is none.
        """
        connection.exec_driver_sql(sql.read("schema/checkpoint"))
        connection.rollback()  # ends the implicit transaction of the checkpoint; the file lock stays
        file_copy.copy_file(Path(str(self.path)), target, is_flushed=is_flushed)

    def make_way(self) -> None:
        """Leave the file alone for a moment if somebody waits for it: for between two loads of many."""
        if waiters.is_waited_for(self.path):
            self.sleep(_MAKE_WAY_S)

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[Connection]:
        # Absolute, because DuckDB takes a beginning such as `~`, `md:` or `s3:` for another place.
        url = self.url if self.path is None else self.url.set(database=str(self.path.absolute()))
        engine = self._engine(url, {"read_only": True} if read_only else {"config": dict(create.FORMAT)})
        # DuckDB's lock is between processes; the threads of one take turns here.
        with self.thread_lock:
            with translate_interruption():
                connection = self._connect(engine.connect)
            try:
                with translate_failures(self.path):
                    yield connection
            finally:
                close_connection(connection)

    def _engine(self, url: URL, connect_args: dict[str, Any]) -> Engine:
        try:
            # NullPool: closing the connection closes the file, which is what lets the next process in. That
            # rolls back by itself, and after a full disk it is all that still works.
            return create_engine(
                url, poolclass=NullPool, pool_reset_on_return=None, connect_args=connect_args
            )
        except NoSuchModuleError:
            raise ConfigurationError(f"no driver for the warehouse {self.url}: use a DuckDB file") from None

    def _connect(self, connect: Callable[[], Connection]) -> Connection:
        if self.path is not None:
            create.check_is_file(self.path)
        _check_memory(self.path)
        held = self._try_to_connect(connect)
        if isinstance(held, Connection):
            return held
        with waiters.show_waiting(self.path):
            return self._wait_for(connect)

    def _try_to_connect(self, connect: Callable[[], Connection]) -> Connection | str:
        """Return the connection, or who holds the file."""
        try:
            return connect()
        except DBAPIError as failure:
            problem = str(failure.orig)
            held_by = find_holder(problem)
            if held_by is None:
                raise explain_open_failure(self.path, problem) from None
            return held_by

    def _wait_for(self, connect: Callable[[], Connection]) -> Connection:
        waited_s, said_s, pause_s = 0.0, -_SAY_EVERY_S, _FIRST_PAUSE_S
        while True:
            held = self._try_to_connect(connect)
            if isinstance(held, Connection):
                return held
            hurried = self.in_a_hurry.is_set()
            limit_s = min(self.lock_timeout_s, _HURRIED_TIMEOUT_S) if hurried else self.lock_timeout_s
            if waited_s >= limit_s:
                raise WarehouseLocked(str(self.path), held, waited_s)
            if waited_s - said_s >= _SAY_EVERY_S:
                self.say(f"waiting for {self.path}: held by {held} (up to {self.lock_timeout_s:.0f} s)")
                said_s = waited_s
            self.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _check_memory(path: Path | None) -> None:
    """Raise WarehouseFailed where DuckDB would have too little memory to begin: then it ends the process."""
    try:
        process.check_memory(_LEAST_MEMORY_MB)
    except MemoryError:
        raise WarehouseFailed(str(path), "out of memory") from None


def _attach(scratch: Connection, path: Path) -> Connection:
    """Attach the file, and make it the place of names without one."""
    with scratch.begin():
        # A path cannot be a parameter here; the dialect quotes it.
        quoted = String().literal_processor(scratch.dialect)  # type: ignore[no-untyped-call]
        for statement in ("attach %(path)s as warehouse", "use warehouse"):
            scratch.execute(DDL(statement, context={"path": quoted(str(path))}))  # type: ignore[no-untyped-call]
    return scratch


def close_connection(connection: Connection) -> None:
    """Close a connection, and with it what it has open; may be called again."""
    with signals.hold_interruptions():
        with suppress(Exception):
            # After a commit that was interrupted DuckDB keeps the file until the connection is used again.
            connection.connection.driver_connection.rollback()  # type: ignore[union-attr]
        try:
            connection.close()
        except DBAPIError:
            # The disk was full while DuckDB wrote: it wants to be opened anew, and says so twice.
            connection.invalidate()
        connection.engine.dispose()
