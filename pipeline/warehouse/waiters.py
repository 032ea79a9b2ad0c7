"""Shows the process that holds a warehouse that others wait for it.

DuckDB's lock has no queue: who loads chunk after chunk opens the file again before anyone else has tried.
So a waiter holds a shared lock on a file beside the warehouse, and who loads looks for one between loads.
The system drops the lock when the waiter dies; the empty file means nothing by itself.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def show_waiting(warehouse: Path | None) -> Iterator[None]:
    """Be seen to wait until the block ends; where no file can be written, nobody sees it."""
    if warehouse is None:
        yield
        return
    with ExitStack() as seen:
        with suppress(OSError):
            fcntl.flock(seen.enter_context(_marker_beside(warehouse).open("ab")), fcntl.LOCK_SH)
        yield


def is_waited_for(warehouse: Path | None) -> bool:
    """Return whether somebody waits for the warehouse at this moment."""
    if warehouse is None:
        return False
    try:
        with _marker_beside(warehouse).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _marker_beside(warehouse: Path) -> Path:
    return warehouse.with_name(f"{warehouse.name}.waiting")
