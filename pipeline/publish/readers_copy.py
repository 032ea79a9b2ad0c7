"""Publishes the warehouse to readers: a copy that is replaced as a whole and that nobody ever writes to.

Readers open the copy and never meet the lock of a load, and a load never meets theirs. Whoever has it open
keeps the state it opened until it connects again: a new copy is another file under the same name.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import sql, times
from pipeline.config import Settings
from pipeline.errors import LimitMet, WarehouseDamaged, WarehouseError, WarehouseFailed
from pipeline.files.atomic import sync_folder
from pipeline.warehouse import file_copy
from pipeline.warehouse.database import Warehouse

# While a long run loads every few seconds, readers get a new copy this often by default.
_DURING_A_RUN_S = 300.0
# In the file that is locked for it: of one length, so that a note needs no room on a full disk.
_NO_CHANGE = b"-" * 16


@dataclass(frozen=True)
class Published:
    """A copy that readers can open: where it is, how large, after which run, and what making it took."""

    path: Path
    run_id: str | None
    byte_count: int
    duration_s: float


def is_due(settings: Settings, *, at_the_end: bool) -> bool:
    """Return whether a load is to be followed by a copy, by `PIPELINE_PUBLISH`.

    ``run``: at the end of a run, and every five minutes of a long one; ``always``: after each load; a number
    of seconds: when the copy is at least that old; ``off``: never.
    """
    when = settings.publish
    if when in ("off", "always"):
        return when == "always"
    if when == "run" and at_the_end:
        return True
    least_s = _DURING_A_RUN_S if when == "run" else float(when)
    try:
        return time.time() - settings.readers_copy.stat().st_mtime >= least_s
    except FileNotFoundError:
        return True


def note_change(copy: Path) -> None:
    """Note that the warehouse is about to be other than its copy: a copy is due until one was made.

    Whatever keeps that copy from being made, the next run makes it, though it loads nothing itself.
    """
    # Where it cannot be written, no copy can be made either, and whoever wants one is told.
    with suppress(OSError):
        _write_note(copy, secrets.token_hex(8).encode())


def is_behind(copy: Path) -> bool:
    """Return whether a copy is missing, or the warehouse was changed since it was made."""
    return not copy.exists() or _read_note(copy) not in (b"", _NO_CHANGE)


def try_to_publish(warehouse: Warehouse, settings: Settings) -> str | None:
    """Publish; return what went wrong in a sentence, for a run whose own work is done."""
    try:
        publish(warehouse, settings.readers_copy)
    except WarehouseError as failure:
        return str(LimitMet.find(failure) or failure)
    except MemoryError as failure:
        return str(LimitMet.find(failure))
    return None


def publish(warehouse: Warehouse, copy: Path) -> Published:
    """Replace the readers' copy by the warehouse as it is now.

    Raises WarehouseError when the copy cannot be written, and then the former one is still there.
    """
    started = time.monotonic()
    path = warehouse.path
    if path is not None and copy.absolute() == path.absolute():
        raise WarehouseError(
            f"{copy} is the warehouse itself and cannot be its readers' copy: give the warehouse another name"
        )

    def refused(reason: str) -> str:
        return (
            f"the readers' copy {copy} could not be written ({reason}): make room or fix the permissions, "
            "then run `python -m pipeline publish`; the warehouse is whole"
        )

    with _lock_copy(copy), file_copy.clear_on_failure(lambda: _remove_unfinished(copy), refused):
        making = copy.with_name(f"{copy.name}.making")
        noted = _read_note(copy)
        _remove_unfinished(copy)  # of a process that was killed
        with warehouse.exclusive() as connection:
            run_id = connection.exec_driver_sql(sql.read("publish/latest_run")).scalar()
            connection.rollback()
            # Loads wait for the lock, and need not wait for the disk.
            warehouse.copy_to(connection, making, is_flushed=False)
        # The live file is free again; the rest is done to the copy, which nobody else knows yet.
        _write_published(making, run_id)
        file_copy.flush_copy(making)
        making.with_name(f"{making.name}.wal").unlink(missing_ok=True)
        # A log beside the name would be replayed into the new file, even by those who only read.
        copy.with_name(f"{copy.name}.wal").unlink(missing_ok=True)
        making.replace(copy)
        sync_folder(copy.parent)
        # A change that was noted meanwhile is not in it.
        if _read_note(copy) == noted:
            _write_note(copy, _NO_CHANGE)
    return Published(copy, run_id, copy.stat().st_size, time.monotonic() - started)


def clear_unfinished(copy: Path) -> None:
    """Remove what a killed process left of a copy, unless somebody makes one now; what stays does no harm."""
    with suppress(OSError), os.fdopen(_open_lock(copy, os.O_RDONLY), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_unfinished(copy)


def _write_published(copy: Path, run_id: str | None) -> None:
    """Write into a copy what it is; raise OSError when that cannot be written."""
    try:
        with Warehouse.at(copy).exclusive() as connection:
            with connection.begin():
                connection.exec_driver_sql(
                    sql.read("publish/mark"), {"published_at": times.utc_now(), "run_id": run_id}
                )
                connection.exec_driver_sql(sql.read("publish/published"))
            connection.exec_driver_sql(sql.read("schema/checkpoint"))
    except (WarehouseFailed, WarehouseDamaged) as failure:
        raise OSError(failure.reason) from None


def _remove_unfinished(copy: Path) -> None:
    for left in list(copy.parent.glob(f"{copy.name}.making*")):
        left.unlink(missing_ok=True)


def _lock(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.publishing")


def _read_note(copy: Path) -> bytes:
    """Return what was last noted of a change since the copy was made; nothing where that cannot be read."""
    try:
        with os.fdopen(_open_lock(copy, os.O_RDONLY), "rb") as file:
            return file.read(len(_NO_CHANGE))
    except OSError:
        return b""


def _write_note(copy: Path, note: bytes) -> None:
    with os.fdopen(_open_lock(copy, os.O_WRONLY | os.O_CREAT), "wb") as file:
        file.write(note)


def _open_lock(copy: Path, flags: int) -> int:
    # Without waiting: whoever opens a pipe of that name would wait for its other end.
    return os.open(_lock(copy), flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)


@contextmanager
def _lock_copy(copy: Path) -> Iterator[None]:
    """Let one process at a time make a copy: an older one must not replace a newer one."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(_open_lock(copy, os.O_RDWR | os.O_CREAT), "rb")
    except OSError as refused:
        raise WarehouseError(
            f"cannot write beside {copy} ({refused.strerror}): choose another folder with --data-dir"
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
