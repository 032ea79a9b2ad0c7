"""Turns errors of DuckDB into errors of ours.

DuckDB has few kinds of errors, so the words of its message decide which of ours it becomes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError

from pipeline.errors import WarehouseDamaged, WarehouseError, WarehouseFailed
from pipeline.process import signals

# What it says where somebody has the file open: another process, and in two ways this one.
_HELD = ("lock on file", "different configuration", "Unique file handle conflict")
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
# What it says first where a file is cut, where a block is not what its checksum says, and where a log is not
# one of this file.
_DAMAGED = ("Corrupt database file", "Could not read enough bytes", "Failure while replaying WAL")
_ORIGINAL = re.compile(r'^Original error: "(.+?)"?$', re.MULTILINE)
# Room for a long path before what was wrong with it.
_REASON_LIMIT = 600


def find_holder(problem: str) -> str | None:
    """Return who has the file open, if that is why it could not be."""
    if not any(said in problem for said in _HELD):
        return None
    found = _HOLDER.search(problem)
    return f"{Path(found['program']).name} (process {found['pid']})" if found else "another process"


def explain_open_failure(path: Path | None, problem: str) -> WarehouseError:
    """Return the error for a file that could not be opened, and is not held."""
    reason = _find_reason(problem)
    if "not a valid DuckDB database" in reason:
        return WarehouseError(f"{path} is not a DuckDB file: name another with --warehouse")
    if any(said in reason for said in _DAMAGED):
        return WarehouseDamaged(str(path), reason)
    return WarehouseError(
        f"cannot open the warehouse {path} ({reason}): check the path, its permissions and "
        "its disk, or name another with --warehouse"
    )


@contextmanager
def translate_failures(path: Path | None) -> Iterator[None]:
    """Raise WarehouseFailed or WarehouseDamaged where the disk or the memory fails a statement.

    Any other error, which is about what was asked, is let through.
    """
    try:
        with translate_interruption():
            yield
    except DatabaseError as failure:
        if not isinstance(failure, OperationalError | InternalError) and not isinstance(
            failure.orig, duckdb.FatalException
        ):
            raise
        reason = _find_reason(str(failure.orig))
        kind = WarehouseDamaged if any(said in reason for said in _DAMAGED) else WarehouseFailed
        raise kind(str(path), reason) from None


@contextmanager
def translate_interruption() -> Iterator[None]:
    """Raise KeyboardInterrupt where DuckDB was interrupted."""
    try:
        yield
    except DatabaseError as failure:
        if isinstance(failure.orig, duckdb.InterruptException):
            signals.raise_postponed()
        raise
    except RuntimeError as failure:
        # How DuckDB passes on a Ctrl-C that arrives while it works in the main thread.
        if "interrupted" in str(failure).lower():
            raise KeyboardInterrupt from None
        raise


def _find_reason(problem: str) -> str:
    """Return the line of an error that names the cause: it quotes no row, unlike what may follow."""
    original = _ORIGINAL.search(problem)
    line = original[1] if original else problem.splitlines()[0]
    return line.removeprefix("IO Error: ").removeprefix("TransactionContext Error: ")[:_REASON_LIMIT]
