"""Divides the landed chunks that wait into loads, small enough for memory and large enough for their cost."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Container, Iterable
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.landing.folder import LandedChunk, Landing
from pipeline.load.chunk_queue import Arrivals

# One load takes chunks until it would pass either bound, whichever comes first: what a load costs
# whatever its size, and half-filled blocks in the file, are shared by more calls; memory is the limit.
_MOST_RECORDS = 1000
_MOST_BYTES = 32 * 1024 * 1024
# So many loads may begin before what has landed meanwhile is left to the next time.
_MOST_LOADS = 12
# So long is waited for a load's worth of chunks. Where they come more slowly, what waited from the beginning
# is loaded with what there is, and the rest is left to the next time.
_PATIENCE_S = 1.0


class Backlog:
    """Chunks that wait to be loaded; `next` gives them load by load.

    With `arrivals` it goes on with what a run lands meanwhile, as long as that is worth a load, and at the
    end of the run with all of it. Those in `known` it does not take from there.
    """

    def __init__(
        self,
        landing: Landing,
        manifests: Iterable[Path],
        arrivals: Arrivals | None = None,
        known: Container[str] = frozenset(),
    ) -> None:
        self.problems: list[str] = []
        self._landing = landing
        # Each with whether it waited from the beginning, and is loaded however little there is.
        self._manifests = deque((manifest, True) for manifest in manifests)
        self._put_back: tuple[LandedChunk, bool] | None = None
        self._arrivals = arrivals
        self._known = known
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
        """Return the chunks of the next load, or None; a chunk that is damaged becomes a problem.

        Waits a while for as much of what a run lands as makes a load.
        """
        if self._again:
            return self._again.popleft()
        load: list[LandedChunk] = []
        records = size = 0
        is_due = False
        until = time.monotonic() + _PATIENCE_S
        while True:
            while found := self._next_sound():
                records, size = records + found[0].record_count, size + found[0].byte_count
                if load and (records > _MOST_RECORDS or size > _MOST_BYTES):
                    self._put_back = found
                    self._loads += 1
                    return load
                load.append(found[0])
                is_due = is_due or found[1]
            is_full = records >= _MOST_RECORDS or size >= _MOST_BYTES
            if self._arrivals is None or self._loads >= _MOST_LOADS or is_full:
                break
            limit_s = max(0.0, until - time.monotonic())
            is_enough = self._arrivals.wait(_MOST_RECORDS - records, limit_s)
            # Asked before the rest is taken: then nothing comes after it.
            is_due = is_due or self._arrivals.has_ended
            if not is_enough and not is_due:
                break
            arrived = [chunk for chunk in self._arrivals.take() if chunk.chunk_id not in self._known]
            self._manifests.extend((chunk.manifest, False) for chunk in arrived)
            if not arrived:
                break
        if load and (is_due or is_full):
            self._loads += 1
            return load
        if self._arrivals is not None:
            self._arrivals.give_back(load)
        return None

    def _next_sound(self) -> tuple[LandedChunk, bool] | None:
        if self._put_back is not None:
            found, self._put_back = self._put_back, None
            return found
        while self._manifests:
            manifest, has_waited = self._manifests.popleft()
            try:
                return self._landing.verified(manifest), has_waited
            except LandingError as damaged:
                self.problems.append(str(damaged))
        return None
