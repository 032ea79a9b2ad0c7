"""Divides the landed chunks that wait into loads, small enough for memory and large enough for their cost."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.landing.chunk import LandedChunk, verify_chunk
from pipeline.load.chunk_queue import ChunkQueue

# One load takes chunks until it would pass either bound, whichever comes first: what a load costs
# whatever its size, and half-filled blocks in the file, are shared by more calls; memory is the limit.
_MOST_RECORDS = 1000
_MOST_BYTES = 32 * 1024 * 1024
# So many loads may begin before what has landed meanwhile is left to the next time.
_MOST_LOADS = 12
# So long is waited for a load's worth of chunks. Where they come more slowly, what waited from the beginning
# is loaded with what there is, and the rest is left to the next time.
_PATIENCE_S = 1.0


class LoadDivider:
    """The loads that a queue of chunks makes; `next` gives them one by one.

    It goes on with what a run lands meanwhile, as long as that is worth a load, and with all of it once the
    queue is closed. A chunk that is damaged becomes a problem. In the place of one that was merged with
    others meanwhile come the merged ones, which `find_merged` returns for its id.
    """

    def __init__(
        self,
        queue: ChunkQueue,
        verify: Callable[[Path], LandedChunk] = verify_chunk,
        find_merged: Callable[[str], list[Path]] = lambda chunk_id: [],
    ) -> None:
        self.problems: list[str] = []
        self._queue = queue
        self._verify = verify
        self._find_merged = find_merged
        self._merged: set[Path] = set()
        # What waits from the beginning is loaded however little it is.
        self._due_count = len(queue)
        self._kept: tuple[LandedChunk, bool] | None = None
        self._retries: deque[list[LandedChunk]] = deque()
        self._load_count = 0

    @property
    def has_retries(self) -> bool:
        """Whether there are loads that are to be tried again."""
        return bool(self._retries)

    def retry(self, loads: list[list[LandedChunk]]) -> None:
        """Try chunks again, otherwise divided: these loads come next."""
        self._retries.extend(loads)

    def next(self) -> list[LandedChunk] | None:
        """Return the chunks of the next load, or None where there is none that is worth it.

        Waits a while for as much of what a run lands as makes a load.
        """
        if self._retries:
            return self._retries.popleft()
        load: list[LandedChunk] = []
        records = size = 0
        is_due = False
        until = time.monotonic() + _PATIENCE_S
        while True:
            while found := self._take_sound():
                records, size = records + found[0].record_count, size + found[0].byte_count
                if load and (records > _MOST_RECORDS or size > _MOST_BYTES):
                    self._kept = found
                    self._load_count += 1
                    return load
                load.append(found[0])
                is_due = is_due or found[1]
            is_full = records >= _MOST_RECORDS or size >= _MOST_BYTES
            if self._load_count >= _MOST_LOADS or is_full:
                break
            is_enough = self._queue.wait_for(_MOST_RECORDS - records, max(0.0, until - time.monotonic()))
            # Asked before the rest is taken: then nothing comes after it.
            is_due = is_due or self._queue.is_closed
            if not (is_enough or is_due) or not len(self._queue):
                break
        if load and (is_due or is_full):
            self._load_count += 1
            return load
        self._queue.put_back(chunk.manifest for chunk in load)
        return None

    def _take_sound(self) -> tuple[LandedChunk, bool] | None:
        """Return the next chunk that is what its manifest says, and whether it waited from the beginning."""
        if self._kept is not None:
            found, self._kept = self._kept, None
            return found
        while self._due_count or self._load_count < _MOST_LOADS:
            manifest = self._queue.take()
            if manifest is None:
                break
            has_waited = self._due_count > 0
            self._due_count -= has_waited
            try:
                return self._verify(manifest), has_waited
            except LandingError as damaged:
                merged = [] if os.path.lexists(manifest) else self._find_merged(manifest.stem)
                if merged:
                    new = [path for path in merged if path not in self._merged]
                    self._merged.update(new)
                    self._due_count += len(new)
                    self._queue.add(new)
                else:
                    self.problems.append(str(damaged))
                self._queue.settle(manifest)
        return None
