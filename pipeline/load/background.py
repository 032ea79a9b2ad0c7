"""Loads landed chunks in a thread of its own while extraction goes on.

Extraction never waits for the warehouse: a lock that somebody else holds only lets landed chunks wait on
disk. Where chunks come more slowly than they are loaded, the warehouse is closed for a while, so that others
get at it and the next load is worth its cost.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from pipeline.errors import WarehouseLocked
from pipeline.load.chunk_queue import Arrivals
from pipeline.load.loads import Loaded

# What is worth a load at once: its fixed cost is a quarter then.
_WORTH_RECORDS = 1000
# How long others have the warehouse to themselves between two loads of a long run.
_REST_S = 3.0
_SHORT_REST_S = 0.3


class BackgroundLoader:
    """Calls `load_pending` whenever there are `arrivals`; one at a time, and once more when it is closed."""

    def __init__(self, load_pending: Callable[[], Loaded]) -> None:
        self.arrivals = Arrivals()
        self.problems: list[str] = []
        self.error: BaseException | None = None
        self._load_pending = load_pending
        # The thread belongs to the run that starts it, whatever that run keeps in its context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="loader", daemon=True)

    def start(self) -> None:
        """Start to wait for chunks."""
        self._thread.start()

    def finish(self) -> None:
        """Load what is left and end the thread; may be called again after an interruption."""
        self.arrivals.end()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self.arrivals.has_ended:
                self.arrivals.wait(0)
                if not self.arrivals.has_ended:
                    self._load(is_last=False)
                self._rest()
            self._load(is_last=True)
        except BaseException as failure:
            # Handed to the thread that asked; it decides what the run makes of it.
            self.error = failure

    def _rest(self) -> None:
        if not self.arrivals.wait_for_end(_SHORT_REST_S):
            self.arrivals.wait(_WORTH_RECORDS, _REST_S - _SHORT_REST_S)

    def _load(self, *, is_last: bool) -> None:
        # Whoever loads looks through all that is landed.
        self.arrivals.take()
        try:
            loaded = self._load_pending()
        except WarehouseLocked:
            # The chunks stay landed: the next load tries again, and only the last one gives up.
            if is_last:
                raise
            return
        # A damaged chunk is met again by every load; only the last one's word counts.
        self.problems = loaded.problems

    def raise_error(self) -> None:
        """Raise what went wrong in the thread, if anything did."""
        if self.error is not None:
            raise self.error
