"""The warehouse file: who may open it, when, and what happens while somebody else holds it.

The file is open for writing only inside `Warehouse.writing`, one transaction long, and never while the
network is awaited. DuckDB lets one process write or many read; so opening waits for the others, says who
holds the file, and gives up after a limit with everything landed still safe.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from pipeline.config import Settings
from pipeline.errors import ConfigurationError, WarehouseError, WarehouseLocked, WarehouseMissing

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_SAY_EVERY_S = 10.0


def _silent(message: str) -> None:
    """Drop a message: the default for code that runs without a user."""


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB database, named by SQLAlchemy URL; `say` receives one line while a lock is waited for."""

    url: str
    lock_timeout_s: float = 60
    say: Callable[[str], None] = field(default=_silent, compare=False)
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    @classmethod
    def of(cls, settings: Settings, say: Callable[[str], None] = _silent) -> Warehouse:
        """Return the warehouse that the settings name; raise ConfigurationError for a URL of another kind."""
        try:
            backend = make_url(settings.warehouse_url).get_backend_name()
        except ArgumentError:
            backend = "unreadable"
        if backend != "duckdb":
            raise ConfigurationError(
                "the warehouse must be a DuckDB file or a duckdb:/// URL: check PIPELINE_WAREHOUSE"
            )
        return cls(settings.warehouse_url, settings.lock_timeout_s, say)

    @property
    def path(self) -> Path | None:
        """The database file, or None for one in memory."""
        database = make_url(self.url).database
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

    @contextmanager
    def _open(self, *, read_only: bool) -> Iterator[Connection]:
        # NullPool: closing the connection closes the file, which is what lets the next process in.
        try:
            engine = create_engine(
                self.url, poolclass=NullPool, connect_args={"read_only": True} if read_only else {}
            )
        except NoSuchModuleError:
            raise ConfigurationError(f"no driver for the warehouse {self.url}: use a DuckDB file") from None
        connection = self._wait_for(engine.connect)
        try:
            yield connection
        finally:
            connection.close()
            engine.dispose()

    def _wait_for(self, connect: Callable[[], Connection]) -> Connection:
        waited_s, said_s, pause_s = 0.0, -_SAY_EVERY_S, _FIRST_PAUSE_S
        while True:
            try:
                return connect()
            except DBAPIError as failure:
                problem = str(failure.orig)
                # In one process DuckDB refuses a second way of opening with another message.
                if "lock on file" not in problem and "different configuration" not in problem:
                    raise self._unusable(problem) from None
                found = _HOLDER.search(problem)
                holder = (
                    f"{Path(found['program']).name} (process {found['pid']})" if found else "another process"
                )
                if waited_s >= self.lock_timeout_s:
                    raise WarehouseLocked(str(self.path), holder, waited_s) from None
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
