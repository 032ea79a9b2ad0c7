"""Lets the loads of several processes take turns before they begin, so that none of them works in vain.

A load takes whatever is landed, by any run, and stages it before it opens the warehouse. Two at the same time
would stage the same chunks, and one of them would throw its work away. So a load locks an empty file beside
the warehouse. That guards nothing: rows are safe by the warehouse's own lock, and a load that cannot have
this one goes on without it. The system drops the lock when the process dies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from pipeline.warehouse.database import Warehouse

_LOOK_EVERY_S = 0.1
_SAY_EVERY_S = 10.0


@contextmanager
def hold_load_lock(warehouse: Warehouse) -> Iterator[None]:
    """Keep other loads into the warehouse waiting until the block ends; wait for one that is going on first.

    Waits no longer than for the warehouse itself, and not at all when the user wants to stop.
    """
    with ExitStack() as stack:
        if warehouse.path is not None:
            place = warehouse.path.with_name(f"{warehouse.path.name}.loading")
            with suppress(OSError):
                _wait_for(stack.enter_context(place.open("ab")), warehouse)
        yield


def _wait_for(file: IO[bytes], warehouse: Warehouse) -> None:
    waited_s, say_at_s = 0.0, _SAY_EVERY_S
    while not _try_to_lock(file):
        if waited_s >= warehouse.lock_timeout_s or warehouse.in_a_hurry.is_set():
            return
        if waited_s >= say_at_s:
            warehouse.say(
                f"waiting for another load into {warehouse.path} (up to {warehouse.lock_timeout_s:.0f} s)"
            )
            say_at_s += _SAY_EVERY_S
        warehouse.sleep(_LOOK_EVERY_S)
        waited_s += _LOOK_EVERY_S


def _try_to_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
