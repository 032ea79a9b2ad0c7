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
        # Chunks that were in no load yet, each with whether it waited from the beginning.
        self._put_back: deque[tuple[LandedChunk, bool]] = deque()
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
        load: list[tuple[LandedChunk, bool]] = []
        records = size = 0
        while found := self._next_chunk():
            records, size = records + found[0].record_count, size + found[0].byte_count
            if load and (records > _MOST_RECORDS or size > _MOST_BYTES):
                self._put_back.appendleft(found)
                break
            load.append(found)
        # What waited from the beginning is loaded whatever its size.
        is_due = any(has_waited for _, has_waited in load)
        if not load or not (is_due or records >= _MOST_RECORDS or size >= _MOST_BYTES):
            self._put_back.extend(load)
            return None
        self._loads += 1
        return [chunk for chunk, _ in load]

    def _next_chunk(self) -> tuple[LandedChunk, bool] | None:
        if self._put_back:
            return self._put_back.popleft()
        while self._manifests or self._goes_on():
            manifest = self._manifests.popleft()
            self._awaited -= 1
            try:
                return self._landing.verified(manifest), self._awaited >= 0
            except LandingError as damaged:
                self.problems.append(str(damaged))
        return None

    def _goes_on(self) -> bool:
        """Look for what has landed meanwhile; tell whether there is any."""
        if self._known is None or self._loads >= _MOST_LOADS:
            return False
        landed = self._landing.manifests()
        self._manifests.extend(path for name, path in landed.items() if name not in self._known)
        self._known |= landed.keys()
        return bool(self._manifests)
