"""Limits how many requests are under way and how fast they start, and learns from the server's 429.

Invariant: no slot is taken beyond the limit of that moment, one that was taken is given back whatever happens
to its holder, and no request starts before the server's `Retry-After` has passed. While nobody can be
reached, requests are few and ever rarer; the first answer lets all of them go on.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

# Rounds of successes before the limit rises by one. Measured against a token bucket on virtual time: with one
# round, as in TCP, a third of all requests were refused and some calls ran out of attempts; with four, none.
_ROUNDS_PER_STEP = 4
# Where even one request at a time is too many, starts are spaced: by this much at first, doubling with each
# further 429 up to the last, and shrinking with each success.
_FIRST_SPACING_S = 0.1
_LAST_SPACING_S = 10.0
_SPACING_RECOVERY = 0.95
_FIRST_PAUSE_S = 0.5
_LAST_PAUSE_S = 10.0


class Slot:
    """One request's permission to be under way; it remembers under which limit the request started.

    Waits when it is entered for a slot and for the time to start, and gives the slot back when it is left.
    """

    def __init__(self, limit: AdaptiveLimit) -> None:
        self._limit = limit
        self._generation = self._outage_round = 0

    async def __aenter__(self) -> Self:
        limit = self._limit
        await limit._acquire()
        try:
            # Nearly always nothing is to be waited for.
            if not limit._started():
                await limit._start()
        except BaseException:
            limit._release()
            raise
        self._generation, self._outage_round = limit._generation, limit._outage_round
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._limit._release()

    def reached(self) -> None:
        """Tell that somebody answered this request, whatever they said."""
        self._limit._reached()

    def unreachable(self) -> float:
        """Tell that no connection could be made; return the seconds all requests were held back for so."""
        return self._limit._unreachable(self._outage_round)

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Tell that the server answered 429, with the seconds it asked to wait."""
        self._limit._throttled(self._generation, retry_after_s)

    def succeeded(self) -> None:
        """Tell that the server answered this request properly."""
        self._limit._succeeded(self._generation)


class AdaptiveLimit:
    """From 1 to ``maximum`` slots: it starts at the maximum, halves on 429 and recovers one by one.

    Where a single slot is too many still, starts are spaced, so that a limit of requests per second is found
    even if requests are answered at once.

    ``rate`` is a ceiling in requests per second, evenly paced with a burst of 1; None is no ceiling.
    ``hold_cap_s`` bounds in seconds how long one 429 can hold new requests. Belongs to one event loop.
    """

    def __init__(
        self,
        maximum: int,
        *,
        rate: float | None = None,
        hold_cap_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if maximum < 1:
            raise ValueError("concurrency must be at least 1")
        if rate is not None and not rate > 0:
            raise ValueError("rate must be more than 0 requests per second")
        self.maximum = maximum
        self._limit = maximum
        self._interval_s = 1.0 / rate if rate else 0.0
        self._spacing_s = 0.0
        self._pause_s = self._paused_s = 0.0
        self._outage_round = 0
        self._hold_cap_s = hold_cap_s
        self._clock = clock
        self._sleep = sleep
        self._held = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._generation = 0
        self._successes = 0
        self._gate = asyncio.Lock()
        self._open_at_s = clock()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return self._limit

    @property
    def held(self) -> int:
        """How many slots are taken now."""
        return self._held

    def slot(self) -> Slot:
        """Return a slot that is held for the block that it is entered for."""
        return Slot(self)

    def _started(self) -> bool:
        """Start at once if nobody waits for the time to start and it has come; say whether it has."""
        now_s = self._clock()
        if self._gate.locked() or self._open_at_s > now_s:
            return False
        self._open_at_s = now_s + max(self._interval_s, self._spacing_s, self._pause_s)
        return True

    async def _start(self) -> None:
        # One at a time, in the order they came: otherwise all would wake at the same moment.
        async with self._gate:
            slept_until_s = self._clock()
            # Again after a sleep when a 429 moved the time meanwhile.
            while (open_at_s := self._open_at_s) > slept_until_s:
                await self._sleep(max(0.0, open_at_s - self._clock()))
                slept_until_s = open_at_s
            # From now, not from the time planned: a late start must not let the next two come as a burst.
            self._open_at_s = self._clock() + max(self._interval_s, self._spacing_s, self._pause_s)

    async def _acquire(self) -> None:
        if self._held < self._limit and not self._waiters:
            self._held += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():
                # Cancelled in the moment between being given the slot and waking up: hand it on.
                self._release()
            raise

    def _release(self) -> None:
        self._held -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiters and self._held < self._limit:
            waiter = self._waiters.popleft()
            # One whose task was cancelled stays in the queue until it is met here.
            if not waiter.done():
                self._held += 1
                waiter.set_result(None)

    def _throttled(self, generation: int, retry_after_s: float | None) -> None:
        # Requests already under way at the last halving say nothing about the new limit.
        if generation == self._generation:
            if self._limit > 1:
                self._limit //= 2
            else:
                self._spacing_s = min(max(2 * self._spacing_s, _FIRST_SPACING_S), _LAST_SPACING_S)
            self._generation += 1
            self._successes = 0
        hold_s = max(self._spacing_s, min(retry_after_s or 0.0, self._hold_cap_s))
        self._open_at_s = max(self._open_at_s, self._clock() + hold_s)

    def _unreachable(self, outage_round: int) -> float:
        # Requests that were under way together are one sign, not many.
        if outage_round == self._outage_round:
            self._outage_round += 1
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LAST_PAUSE_S)
            self._paused_s += self._pause_s
        self._open_at_s = max(self._open_at_s, self._clock() + self._pause_s)
        return self._paused_s

    def _reached(self) -> None:
        self._pause_s = self._paused_s = 0.0

    def _succeeded(self, generation: int) -> None:
        if generation != self._generation:
            return
        if self._spacing_s:
            shorter_s = self._spacing_s * _SPACING_RECOVERY
            self._spacing_s = shorter_s if shorter_s > _FIRST_SPACING_S / 2 else 0.0
            return
        self._successes += 1
        if self._limit < self.maximum and self._successes >= _ROUNDS_PER_STEP * self._limit:
            self._successes = 0
            self._limit += 1
            self._wake()
