"""Hands the chunks that a run lands to the thread that loads them, which may wait here for more."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from pipeline.landing.folder import LandedChunk


class Arrivals:
    """Landed chunks in their order, and whether more are to come; used by several threads at a time.

    A chunk that is taken is loaded, or given back, or left to whoever looks through all that is landed.
    """

    def __init__(self) -> None:
        self._chunks: deque[LandedChunk] = deque()
        self._has_ended = False
        self._news = threading.Condition()

    def put(self, chunk: LandedChunk) -> None:
        """Say that a chunk is landed."""
        with self._news:
            self._chunks.append(chunk)
            self._news.notify_all()

    def end(self) -> None:
        """Say that nothing more comes; may be said again."""
        with self._news:
            self._has_ended = True
            self._news.notify_all()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes; what is there may still be taken."""
        return self._has_ended

    @property
    def is_over(self) -> bool:
        """Whether nothing is there and nothing more comes."""
        with self._news:
            return self._has_ended and not self._chunks

    def wait(self, records: int, limit_s: float | None = None) -> bool:
        """Wait until a chunk is there, and so many payloads, or nothing more comes.

        Tells whether that was so within the limit.
        """
        with self._news:
            return self._news.wait_for(lambda: self._has_ended or self._has(records), limit_s)

    def wait_for_end(self, limit_s: float) -> bool:
        """Wait until nothing more comes; tell whether that was so within the limit."""
        with self._news:
            return self._news.wait_for(lambda: self._has_ended, limit_s)

    def take(self) -> list[LandedChunk]:
        """Return what is there, and keep it no more."""
        with self._news:
            chunks = list(self._chunks)
            self._chunks.clear()
        return chunks

    def give_back(self, chunks: Iterable[LandedChunk]) -> None:
        """Put chunks that were taken and not loaded before all others."""
        with self._news:
            self._chunks.extendleft(reversed(list(chunks)))
            self._news.notify_all()

    def _has(self, records: int) -> bool:
        return bool(self._chunks) and sum(chunk.record_count for chunk in self._chunks) >= records
