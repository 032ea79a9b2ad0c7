"""Keeps the landed chunks that wait for a load, for the run that lands them and the thread that loads them.

Invariant: a chunk is in the queue, under way, or settled (loaded, or found to be unloadable). Whatever ends a
load, what it did not settle is back in the queue, in the order in which it was landed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.landing.chunk import LandedChunk


@dataclass(frozen=True, slots=True)
class _Waiting:
    manifest: Path
    # None of a chunk that an earlier run landed: nobody has looked into it yet.
    record_count: int | None
    is_reason_to_load: bool = True


class ChunkQueue:
    """Landed chunks in their order, and whether more are to come; used by several threads at a time.

    `manifests` are those of chunks that wait already; a queue that `is_closed` has no others.
    """

    def __init__(self, manifests: Iterable[Path] = (), *, is_closed: bool = False) -> None:
        self._waiting = deque(_Waiting(manifest, None) for manifest in manifests)
        self._under_way: dict[Path, _Waiting] = {}
        self._is_closed = is_closed
        # How many wait until all is settled: nobody else waits for more to come then.
        self._hurried_count = 0
        self._news = threading.Condition()

    def put(self, chunk: LandedChunk, *, is_reason_to_load: bool = True) -> None:
        """Add a chunk that was landed just now; one that is no reason to load is loaded with the next."""
        with self._news:
            self._waiting.append(_Waiting(chunk.manifest, chunk.record_count, is_reason_to_load))
            self._news.notify_all()

    def add(self, manifests: Iterable[Path]) -> None:
        """Add chunks that nobody has looked into yet, before all that wait."""
        with self._news:
            self._waiting.extendleft(_Waiting(manifest, None) for manifest in manifests)
            self._news.notify_all()

    def close(self) -> None:
        """Say that no more chunks come; may be said again."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether no more chunks come; those that wait may still be taken."""
        return self._is_closed

    def __len__(self) -> int:
        """Return how many chunks wait; those under way are not among them."""
        with self._news:
            return len(self._waiting)

    def wait_for(self, records: int, limit_s: float | None = None) -> bool:
        """Wait until a chunk is there, and so many payloads, or until no more come.

        While somebody waits until all is settled, a chunk is enough. Returns whether that was so within the
        limit.
        """
        with self._news:
            return self._news.wait_for(
                lambda: self._is_closed or self._has(0 if self._hurried_count else records), limit_s
            )

    def wait_until_closed(self, limit_s: float) -> bool:
        """Wait until no more chunks come; return whether that was so within the limit."""
        with self._news:
            return self._news.wait_for(lambda: self._is_closed, limit_s)

    def wait_until_settled(self) -> None:
        """Wait until the chunks that wait now, or are under way, are settled, or until no more come.

        They are loaded however little they are.
        """
        with self._news:
            chunks = self._list_unsettled()
            self._hurried_count += 1
            self._news.notify_all()
            self._news.wait_for(lambda: self._is_closed or not chunks & self._list_unsettled())
            self._hurried_count -= 1

    def take(self) -> Path | None:
        """Return the manifest of the next chunk, which is under way from now on; None where none waits."""
        with self._news:
            if not self._waiting:
                return None
            taken = self._waiting.popleft()
            self._under_way[taken.manifest] = taken
            return taken.manifest

    def settle(self, manifest: Path) -> None:
        """Forget a chunk that is loaded, or that cannot be."""
        with self._news:
            del self._under_way[manifest]
            self._news.notify_all()

    def put_back(self, manifests: Iterable[Path] | None = None) -> None:
        """Let chunks under way wait again, before all others; by default all of them."""
        with self._news:
            given_back = list(self._under_way) if manifests is None else list(manifests)
            self._waiting.extendleft(self._under_way.pop(manifest) for manifest in reversed(given_back))
            self._news.notify_all()

    def _list_unsettled(self) -> set[Path]:
        return {waiting.manifest for waiting in self._waiting} | set(self._under_way)

    def _has(self, records: int) -> bool:
        counts = [waiting.record_count for waiting in self._waiting if waiting.is_reason_to_load]
        # How much is in a chunk of an earlier run is not known: it is enough.
        return bool(counts) and (None in counts or sum(count or 0 for count in counts) >= records)
