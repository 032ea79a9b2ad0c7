"""Splits what a run fetches into batches, which are extracted side by side and each by itself.

A batch needs the settings, the run's id and its call ids, and nothing of the process that made it. Together
the batches under way keep within the concurrency, the rate and the chunk size of the run. A batch that is
tried again does not ask for what its first try has landed.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice

from pipeline.config import Settings
from pipeline.errors import PipelineError
from pipeline.extract.extraction import Extracted, Extraction
from pipeline.landing.chunk import LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.outcome import Outcome
from pipeline.retell.client import CallsClient

# Two keep the network busy while one of them ends. Python works on one core whatever their number, and four
# take a fifth more CPU time to take turns on it.
_MOST_AT_ONCE = 2
_MOST_IDS = 1_000
# How long a batch may go on after it is told to stop.
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids that one task extracts, and its share of the run's concurrency, rate (requests/s) and chunk size.

    Chunks of full size would be landed by all batches at the same moment, and loaded much later than those
    of one extraction.
    """

    name: str
    call_ids: tuple[str, ...]
    concurrency: int
    rate: float | None
    chunk_size: int


@dataclass(frozen=True)
class Watch:
    """What a batch tells while it goes on, and how it is told to stop early."""

    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    on_chunk: Callable[[LandedChunk], None] = lambda chunk: None
    stop: threading.Event = field(default_factory=threading.Event)


def count_side_by_side(settings: Settings, id_count: int) -> int:
    """Return how many batches of so many ids are to be under way at the same time."""
    return max(1, min(_MOST_AT_ONCE, settings.concurrency, math.ceil(id_count / settings.chunk_size)))


def split(
    settings: Settings, ids: Iterator[str], id_count: int, numbers: Iterator[int] | None = None
) -> Iterator[Batch]:
    """Yield ids to fetch as batches, named by `numbers`, without holding more than one of them."""
    side_by_side = count_side_by_side(settings, id_count)
    size = max(1, min(_MOST_IDS, math.ceil(id_count / side_by_side)))
    numbers = numbers or count()
    while call_ids := tuple(islice(ids, size)):
        yield Batch(
            name=f"b{next(numbers):05d}",
            call_ids=call_ids,
            concurrency=settings.concurrency // side_by_side,
            rate=settings.rate / side_by_side if settings.rate else None,
            chunk_size=math.ceil(settings.chunk_size / side_by_side),
        )


def extract_batch(settings: Settings, run_id: str, batch: Batch, watch: Watch, attempt: int = 1) -> Extracted:
    """Extract a batch into landing; return when its last chunk is durable.

    An error that ends the run is returned and not raised, and one that is told to stop returns early: in
    both cases what arrived is landed.
    """
    landing = Landing.of(settings)
    client = CallsClient.of(settings, concurrency=batch.concurrency, rate=batch.rate)
    extraction = Extraction(
        run_id,
        landing,
        client,
        batch.chunk_size,
        batch.concurrency,
        on_outcome=watch.on_outcome,
        on_chunk=watch.on_chunk,
        batch=batch.name if attempt == 1 else f"{batch.name}r{attempt}",
    )
    landed: set[str] = set()
    if attempt > 1:
        answered = {outcome.call_id for outcome in landing.read_outcomes(run_id) if outcome.is_answer}
        landed = answered.intersection(batch.call_ids)

    def ids() -> Iterator[str]:
        for call_id in batch.call_ids:
            if watch.stop.is_set():
                return
            if call_id not in landed:
                yield call_id

    async def extract() -> None:
        async with client:
            extracting = asyncio.create_task(extraction.run(ids()))
            while not extracting.done():
                await asyncio.wait([extracting], timeout=_LOOK_EVERY_S)
                if watch.stop.is_set():
                    # An id can be tried for minutes: what is stopped does not wait for that.
                    extraction.stop()
            with suppress(asyncio.CancelledError):
                await extracting

    error = None
    try:
        asyncio.run(extract())
    except PipelineError as stopped:
        error = stopped
    stats = client.stats
    return Extracted(extraction.counts, stats.requests, stats.retries, error, stats.account_rate)
