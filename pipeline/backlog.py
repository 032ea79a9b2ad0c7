"""Divides the landed chunks that wait into loads, small enough for memory and large enough for their cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.landing import LandedChunk, Landing

# One load takes chunks until it would pass either bound, whichever comes first: what a load costs
# whatever its size, and half-filled blocks in the file, are shared by more calls; memory is the limit.
_MOST_RECORDS = 1000
_MOST_BYTES = 32 * 1024 * 1024
# So many loads may begin before what has landed meanwhile is left to the next time.
_MOST_LOADS = 12


class Backlog:
    """Chunks that wait to be loaded; `next` gives them load by load.

    With `known`, the ids of all chunks that were landed when it was made, it goes on with what lands
    meanwhile, as long as that is worth a load.
    """

    def __init__(self, landing: Landing, manifests: list[Path], known: Collection[str] | None = None) -> None:
        self.problems: list[str] = []
        self._landing = landing
        self._manifests = deque(manifests)
        self._known = None if known is None else set(known)
        self._awaited = len(manifests)
        self._first: LandedChunk | None = None
        self._again: deque[list[LandedChunk]] = deque()
        self._loads = 0

    @property
    def is_tried_again(self) -> bool:
        """Whether there are loads that were given back."""
        return bool(self._again)

    def try_again(self, loads: list[list[LandedChunk]]) -> None:
        """Give loads back, otherwise divided: they come next."""
        self._again.extend(loads)

    def next(self) -> list[LandedChunk] | None:
        """Return the chunks of the next load, or None; a chunk that is damaged becomes a problem."""
        if self._again:
            return self._again.popleft()
        load: list[LandedChunk] = []
        records = size = 0
        # What waited from the beginning is loaded whatever its size.
        is_due = self._awaited > 0 or self._first is not None
        while chunk := self._first or self._next_chunk():
            self._first = chunk
            records, size = records + chunk.record_count, size + chunk.byte_count
            if load and (records > _MOST_RECORDS or size > _MOST_BYTES):
                is_due = True
                break
            load.append(chunk)
            self._first = None
        if not load or not (is_due or records >= _MOST_RECORDS):
            return None
        self._loads += 1
        return load

    def _next_chunk(self) -> LandedChunk | None:
        if not self._manifests and self._known is not None and self._loads < _MOST_LOADS:
            landed = self._landing.manifests()
            self._manifests.extend(path for name, path in landed.items() if name not in self._known)
            self._known |= landed.keys()
        while self._manifests:
            manifest = self._manifests.popleft()
            self._awaited -= 1
            try:
                return self._landing.verified(manifest)
            except LandingError as damaged:
                self.problems.append(str(damaged))
        return None
