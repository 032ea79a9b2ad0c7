"""Loads landed chunks in a thread of its own while extraction goes on.

Extraction never waits for the warehouse: a lock that somebody else holds only lets landed chunks wait on
disk. Between two loads the warehouse is closed for a while, so that others get at it and the next load is
worth its cost; as soon as a whole load waits, it is short.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from pipeline.errors import WarehouseLocked
from pipeline.load import Loaded

# What is worth a load at once: its fixed cost is a tenth then. Where loads are slower than extraction, more
# waits when the next begins, and the loads grow by themselves.
_WORTH_RECORDS = 1000
# How long others have the warehouse to themselves between two loads of a long run.
_REST_S = 3.0
_SHORT_REST_S = 0.3


class BackgroundLoader:
    """Calls `load_pending` whenever chunks were landed; one at a time, and once more when it is closed."""

    def __init__(self, load_pending: Callable[[], Loaded]) -> None:
        self.loaded = Loaded()
        self.error: BaseException | None = None
        self._load_pending = load_pending
        self._landed = threading.Event()
        self._closing = threading.Event()
        # Set while the next load need not wait: enough is landed for it, or nothing more comes.
        self._enough = threading.Event()
        self._waiting_records = 0
        self._counting = threading.Lock()
        # The thread belongs to the run that starts it, whatever that run keeps in its context.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="loader", daemon=True)

    def start(self) -> None:
        """Start to wait for chunks."""
        self._thread.start()

    def wake(self, record_count: int) -> None:
        """Say that a chunk was landed, and how many payloads are in it."""
        with self._counting:
            self._waiting_records += record_count
            if self._waiting_records >= _WORTH_RECORDS:
                self._enough.set()
        self._landed.set()

    def finish(self) -> None:
        """Load what is left and end the thread; may be called again after an interruption."""
        self._closing.set()
        self._enough.set()
        self._landed.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._landed.wait()
                self._landed.clear()
                if not self._closing.is_set():
                    self._load(is_last=False)
                self._rest()
            self._load(is_last=True)
        except BaseException as failure:
            # Handed to the thread that asked; it decides what the run makes of it.
            self.error = failure

    def _rest(self) -> None:
        if not self._closing.wait(_SHORT_REST_S):
            self._enough.wait(_REST_S - _SHORT_REST_S)

    def _load(self, *, is_last: bool) -> None:
        waiting_records = self._waiting_records
        try:
            loaded = self._load_pending()
        except WarehouseLocked:
            # The chunks stay landed: the next load tries again, and only the last one gives up.
            if is_last:
                raise
            self._enough.clear()
            return
        with self._counting:
            # Loaded is what waited, and maybe what was landed meanwhile.
            self._waiting_records = max(0, self._waiting_records - max(waiting_records, loaded.records))
            if self._waiting_records < _WORTH_RECORDS and not self._closing.is_set():
                self._enough.clear()
        self.loaded.chunks += loaded.chunks
        self.loaded.records += loaded.records
        # A damaged chunk is met again by every load; only the last one's word counts.
        self.loaded.problems = loaded.problems

    def raise_error(self) -> None:
        """Raise what went wrong in the thread, if anything did."""
        if self.error is not None:
            raise self.error
