"""Sets the pace where the server does not: how many requests are under way, and how far apart they start.

It learns from failures to connect and from a 429 that does not say when to come back; where the server says
how many it lets through and when, `account` follows that. Invariant: no slot is taken beyond the limit of
that moment, and one that was taken is given back whatever happens to its holder.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

from pipeline.retell.start_gate import StartGate

# Rounds of successes before the limit rises by one. Measured against a token bucket on virtual time: with one
# round, as in TCP, a third of all requests were refused and some calls ran out of attempts; with four, none.
_ROUNDS_PER_STEP = 4
# What refuses everything for longer has trouble and is no limit: what was learned from it is forgotten.
_LONGEST_LIMIT_S = 30.0


class Slot:
    """One request's permission to be under way; it remembers under which limit the request started.

    A context manager: entering it waits for a free slot and for the time to start; leaving it frees the slot.
    """

    def __init__(self, limit: AdaptiveLimit) -> None:
        self._limit = limit
        self._generation = self._outage_round = 0

    async def __aenter__(self) -> Self:
        limit = self._limit
        await limit._take_slot()
        try:
            # Nearly always nothing is to be waited for.
            if not limit._gate.try_start():
                await limit._gate.wait_for_start()
        except BaseException:
            limit._give_back_slot()
            raise
        self._generation, self._outage_round = limit._generation, limit._gate.outage_round
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._limit._give_back_slot()

    def note_answer(self) -> None:
        """Let requests go on: somebody answered this one, whatever they said."""
        self._limit._gate.end_pauses()

    def note_no_connection(self) -> float:
        """Hold requests back: this one could not connect. Return the seconds of all pauses of this outage."""
        return self._limit._gate.pause(self._outage_round)

    def note_throttling(self) -> None:
        """Slow down: the server answered 429, and nobody knows until when."""
        self._limit._slow_down(self._generation)

    def note_success(self) -> None:
        """Speed up, if this goes on: the server answered this request properly."""
        self._limit._speed_up(self._generation)


class AdaptiveLimit:
    """From 1 to ``maximum`` slots: it starts at the maximum, halves on 429 and recovers one by one.

    Where a single slot is too many still, starts are spaced, so that a limit of requests per second is found
    even if requests are answered at once. When a server that refused everything for long is well again, all
    is as it was before.

    ``rate`` is a ceiling in requests per second, evenly paced with a burst of 1; None is no ceiling. Belongs
    to one event loop.
    """

    def __init__(
        self,
        maximum: int,
        *,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if maximum < 1:
            raise ValueError("concurrency must be at least 1")
        if rate is not None and not rate > 0:
            raise ValueError("rate must be more than 0 requests per second")
        self.maximum = maximum
        self._limit = maximum
        self._clock = clock
        self._gate = StartGate(1.0 / rate if rate else 0.0, clock, sleep)
        self._taken = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._generation = 0
        self._successes = 0
        # Since when nothing but 429 has come, and the limit and the spacing before that.
        self._refused_since_s: float | None = None
        self._before_refusals = (maximum, 0.0)

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return self._limit

    @property
    def taken(self) -> int:
        """How many slots are taken now."""
        return self._taken

    def slot(self) -> Slot:
        """Return a slot for a `with` block: it is taken while the block runs."""
        return Slot(self)

    async def _take_slot(self) -> None:
        if self._taken < self._limit and not self._waiters:
            self._taken += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                # Cancelled in the moment between being given the slot and waking up: hand it on.
                self._give_back_slot()
            raise

    def _give_back_slot(self) -> None:
        self._taken -= 1
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        while self._waiters and self._taken < self._limit:
            waiter = self._waiters.popleft()
            # One whose task was cancelled stays in the queue until it is met here.
            if not waiter.done():
                self._taken += 1
                waiter.set_result(None)

    def _slow_down(self, generation: int) -> None:
        if self._refused_since_s is None:
            self._refused_since_s = self._clock()
            self._before_refusals = self._limit, self._gate.spacing_s
        # Requests already under way at the last halving say nothing about the new limit.
        if generation == self._generation:
            if self._limit > 1:
                self._limit //= 2
            else:
                self._gate.widen_spacing()
            self._generation += 1
            self._successes = 0
        self._gate.hold()

    def _speed_up(self, generation: int) -> None:
        if generation != self._generation:
            return
        refused_since_s, self._refused_since_s = self._refused_since_s, None
        if refused_since_s is not None and self._clock() - refused_since_s > _LONGEST_LIMIT_S:
            self._limit, self._gate.spacing_s = self._before_refusals
            self._wake_waiters()
            return
        if self._gate.narrow_spacing():
            return
        self._successes += 1
        if self._limit < self.maximum and self._successes >= _ROUNDS_PER_STEP * self._limit:
            self._successes = 0
            self._limit += 1
            self._wake_waiters()
