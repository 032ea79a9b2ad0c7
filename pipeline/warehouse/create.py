"""Makes the database file of a warehouse that does not exist yet.

A disk that fills up or a process that is killed while DuckDB writes the first blocks would leave a file that
nobody can open. And where a file was moved or taken away, DuckDB's log of it may still lie beside its place:
DuckDB would try to bring that log into the new file, and refuse to open it for ever after.
"""

from __future__ import annotations

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from pipeline.errors import WarehouseError
from pipeline.files.regular import is_regular
from pipeline.warehouse.duckdb_errors import explain_open_failure

# The format of new files: a newer one would shut out readers that docs/readers promises, an older one takes
# more room and knows no zstd. A file keeps the format that it has.
FORMAT: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": "v1.2.0"}


def ensure_file(path: Path) -> None:
    """Make an empty database unless there is a file; it is there whole or not at all.

    A log without its database is put aside as `….wal.orphaned`, for whoever moves the database back. Raises
    WarehouseError when DuckDB cannot write, and where something that is no file has the name.
    """
    if path.exists():
        check_is_file(path)
        return
    # In full, because DuckDB takes a name such as md:x for a place on the network.
    place = path.absolute()
    with _lock_folder(place.parent):
        # Somebody else may have made it, and have a log of their own by now.
        if not path.exists():
            with suppress(OSError):  # most often there is none
                log = place.with_name(f"{place.name}.wal")
                log.replace(log.with_name(f"{log.name}.orphaned"))
            try:
                _create_file(place)
            except duckdb.Error as failure:
                raise explain_open_failure(path, str(failure)) from None


def check_is_file(path: Path) -> None:
    """Raise WarehouseError for a pipe or a device: DuckDB would wait for it for ever."""
    if path.exists() and not is_regular(path):
        raise WarehouseError(f"{path} is not a DuckDB file: move it away, or name another with --warehouse")


def _create_file(place: Path) -> None:
    new = place.with_name(f"{place.name}.new-{os.getpid()}")
    try:
        for left in place.parent.glob(f"{glob.escape(place.name)}.new-*"):
            left.unlink(missing_ok=True)
        duckdb.connect(str(new), config=FORMAT).close()
        # If somebody else was faster, theirs is as good; where files have one name only, DuckDB makes it.
        os.link(new, place)
    except duckdb.Error as failure:
        raise duckdb.Error(str(failure).replace(new.name, place.name)) from None
    except OSError:
        pass
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time make files in a folder, until the block ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # DuckDB says it better
        yield
        return
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
