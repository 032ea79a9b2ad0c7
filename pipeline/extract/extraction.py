"""Fetches calls and lands them: many requests at a time, one chunk at a time, in flat memory.

When a run stops (the end, an interruption, a refused key), every answer that arrived is landed before `run`
returns or raises. Only a chunk that cannot be written, as on a full disk, is given up as a whole.
This module never touches the warehouse: landing is the hand-over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from pipeline import log, process
from pipeline.errors import PipelineError
from pipeline.landing.chunk import ChunkWriter, LandedChunk
from pipeline.landing.folder import Landing
from pipeline.landing.intake import Judgement, Receipt, take_in
from pipeline.landing.outcome import Outcome
from pipeline.retell.answer import Answer

# A slow API must still show results: a chunk is landed after this long even when it is not full.
_CHUNK_AGE_S = 10.0
_FIRST_ALONE_S = 2.0


class Source(Protocol):
    """What extraction needs of a client."""

    async def get_call(self, call_id: str) -> Answer:
        """Answer for one call id."""
        ...


@dataclass(frozen=True)
class Extracted:
    """What an extraction did: ids by outcome, requests and retries, and the error that stopped it, if any.

    ``account_rate`` is set where the account's limit held requests back: calls a second that it lets through.
    """

    outcomes: Counter[str]
    request_count: int
    retry_count: int
    error: PipelineError | None = None
    account_rate: float | None = None


@dataclass
class Extraction:
    """One run's extraction from a source into landing, or that of one of its batches.

    `on_outcome` is told of every id when its answer is judged, `on_chunk` of every chunk once it is durable.
    """

    run_id: str
    landing: Landing
    source: Source
    chunk_size: int
    concurrency: int
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    on_chunk: Callable[[LandedChunk], None] = lambda chunk: None
    batch: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _workers: list[asyncio.Task[None]] = field(default_factory=list)
    _number: int = 0
    _chunk: ChunkWriter | None = None
    _landing_now: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, ids: Iterator[str]) -> None:
        """Fetch every id. Requests start in the order of the iterator; answers come in any order.

        Raises what ends a run from the source (an ApiError), and CancelledError when it is cancelled or
        stopped, after landing what arrived; LandingError when a chunk cannot be written, which then is lost.
        """
        process.collect_cycles_rarely()
        workers = [asyncio.create_task(self._work(ids, number)) for number in range(self.concurrency)]
        self._workers = workers
        clock = asyncio.create_task(self._land_by_age())
        try:
            await _wait_for_first_failure(workers)
        finally:
            for task in (*workers, clock):
                task.cancel()
            await asyncio.gather(*workers, clock, return_exceptions=True)
            await self._land_the_rest()

    def stop(self) -> None:
        """Give up what is asked for; unlike a cancellation this never cuts the landing short."""
        for worker in self._workers:
            worker.cancel()

    async def _work(self, ids: Iterator[str], number: int) -> None:
        if number > 0:
            # The first answer tells whether the key is good and which path the API has: a refused key then
            # costs one request, not one for every worker. A slow first answer holds nobody up for long.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), _FIRST_ALONE_S)
        for call_id in ids:
            answer = await self.source.get_call(call_id)
            self._answered.set()
            self._take(answer)
            if self._chunk is not None and self._chunk.outcome_count >= self.chunk_size:
                self._land()
            # One chunk in the making and one being landed: more would let memory grow on a slow disk.
            while len(self._landing_now) > 1:
                await asyncio.wait(self._landing_now, return_when=asyncio.FIRST_COMPLETED)
                self._raise_landing_failures()
            self._raise_landing_failures()
        # Without ids there is no first answer to wait for.
        self._answered.set()

    def _take(self, answer: Answer) -> None:
        judgement = self._judge(answer)
        outcome = judgement.outcome
        if self._chunk is None:
            self._chunk = self.landing.open_chunk(self.run_id, self._number, self.batch)
            self._number += 1
        self._chunk.add(outcome, judgement.line)
        self.counts[outcome.outcome] += 1
        log.event(
            "answer",
            log.DEBUG,
            call_id=outcome.call_id,
            answer=outcome.outcome,
            **outcome.to_log(),
        )
        self.on_outcome(outcome)

    def _judge(self, answer: Answer) -> Judgement:
        if answer.status in ("found", "malformed"):
            receipt = Receipt(answer.call_id, answer.fetched_at, answer.http_status, answer.attempts)
            parsed = answer.fault or answer.parsed
            return take_in(self.landing, self.run_id, receipt, answer.body, parsed)
        return Judgement(
            Outcome(
                answer.call_id,
                answer.status,
                answer.attempts,
                answer.fetched_at,
                answer.http_status,
                answer.reason,
            )
        )

    def _land(self) -> None:
        """Start to land the chunk in the making; the next answer opens a new one."""
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            self._landing_now.add(asyncio.create_task(self._finish(chunk)))

    async def _finish(self, chunk: ChunkWriter) -> None:
        landed = await asyncio.to_thread(chunk.finish)
        log.event(
            "chunk_landed",
            log.DEBUG,
            chunk_id=landed.chunk_id,
            record_count=landed.record_count,
            byte_count=landed.byte_count,
        )
        self.on_chunk(landed)

    async def _land_by_age(self) -> None:
        while True:
            await asyncio.sleep(_CHUNK_AGE_S)
            self._land()

    async def _land_the_rest(self) -> None:
        self._land()
        await asyncio.gather(*self._landing_now, return_exceptions=True)
        self._raise_landing_failures()

    def _raise_landing_failures(self) -> None:
        """Forget the chunks that are landed; raise the failure of one that could not be."""
        for task in [task for task in self._landing_now if task.done()]:
            self._landing_now.discard(task)
            task.result()


async def _wait_for_first_failure(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until all tasks are done or one has failed; raise that failure."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
