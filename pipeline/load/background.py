"""Loads landed chunks in a thread of its own while extraction goes on.

Extraction never waits for the warehouse: a lock that somebody else holds only lets landed chunks wait on
disk. Where chunks come more slowly than they are loaded, the warehouse is closed for a while, so that others
get at it and the next load is worth its cost.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress

from pipeline.errors import WarehouseLocked
from pipeline.load.chunk_queue import ChunkQueue

# What is worth a load at once: its fixed cost is a quarter then.
_WORTH_RECORDS = 1000
# How long others have the warehouse to themselves between two loads of a long run.
_REST_S = 3.0
_SHORT_REST_S = 0.3


class BackgroundLoader:
    """Calls `load_waiting` whenever chunks wait in the queue, until the queue is closed."""

    def __init__(self, queue: ChunkQueue, load_waiting: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._queue = queue
        self._load_waiting = load_waiting
        # The thread belongs to the run that starts it, whatever that run keeps in its context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="loader", daemon=True)

    def start(self) -> None:
        """Start to wait for chunks."""
        self._thread.start()

    def finish(self) -> None:
        """Load what is left and end the thread; may be called again after an interruption."""
        self._queue.close()
        self._thread.join()

    def raise_error(self) -> None:
        """Raise what went wrong in the thread, if anything did."""
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._queue.is_closed:
                self._queue.wait_for(0)
                if not self._queue.is_closed:
                    # The chunks wait in the queue again: only the last load gives up.
                    with suppress(WarehouseLocked):
                        self._load_waiting()
                self._rest()
            self._load_waiting()
        except BaseException as failure:
            # Handed to the thread that asked; it decides what the run makes of it.
            self.error = failure

    def _rest(self) -> None:
        if not self._queue.wait_until_closed(_SHORT_REST_S):
            self._queue.wait_for(_WORTH_RECORDS, _REST_S - _SHORT_REST_S)
