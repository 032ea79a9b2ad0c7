"""Sets the pace: how many requests are under way (slots) and when the next may start (the gate).

Both learn from the server's 429 and from failures to connect. Invariant: no slot is taken beyond the limit of
that moment, one that was taken is given back whatever happens to its holder, and no request starts before the
server's `Retry-After` has passed. While nobody can be reached, requests are few and ever rarer; the first
answer lets all of them go on.
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

    def note_throttling(self, retry_after_s: float | None = None) -> None:
        """Slow down: the server answered 429, with the seconds it asked to wait."""
        self._limit._slow_down(self._generation, retry_after_s)

    def note_success(self) -> None:
        """Speed up, if this goes on: the server answered this request properly."""
        self._limit._speed_up(self._generation)


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
        self._hold_cap_s = hold_cap_s
        self._gate = StartGate(1.0 / rate if rate else 0.0, clock, sleep)
        self._taken = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._generation = 0
        self._successes = 0

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

    def _slow_down(self, generation: int, retry_after_s: float | None) -> None:
        # Requests already under way at the last halving say nothing about the new limit.
        if generation == self._generation:
            if self._limit > 1:
                self._limit //= 2
            else:
                self._gate.widen_spacing()
            self._generation += 1
            self._successes = 0
        self._gate.hold(min(retry_after_s or 0.0, self._hold_cap_s))

    def _speed_up(self, generation: int) -> None:
        if generation != self._generation or self._gate.narrow_spacing():
            return
        self._successes += 1
        if self._limit < self.maximum and self._successes >= _ROUNDS_PER_STEP * self._limit:
            self._successes = 0
            self._limit += 1
            self._wake_waiters()


class StartGate:
    """Decides when a request may start: ``interval_s`` after the last one, and never during a pause."""

    def __init__(
        self, interval_s: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.outage_round = 0
        """How often requests were held back because nobody was reached."""
        self._interval_s = interval_s
        self._spacing_s = 0.0
        self._pause_s = self._paused_s = 0.0
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()
        self._open_at_s = clock()

    def try_start(self) -> bool:
        """Start at once if nobody waits here and the time has come; return whether that is so."""
        now_s = self._clock()
        if self._queue.locked() or self._open_at_s > now_s:
            return False
        self._open_at_s = now_s + self._gap_s()
        return True

    async def wait_for_start(self) -> None:
        """Wait until the time has come, after those who have waited longer."""
        # One at a time, in the order they came: otherwise all would wake at the same moment.
        async with self._queue:
            slept_until_s = self._clock()
            # Again after a sleep when a 429 moved the time meanwhile.
            while (open_at_s := self._open_at_s) > slept_until_s:
                await self._sleep(max(0.0, open_at_s - self._clock()))
                slept_until_s = open_at_s
            # From now, not from the time planned: a late start must not let the next two come as a burst.
            self._open_at_s = self._clock() + self._gap_s()

    def hold(self, seconds: float) -> None:
        """Let nobody start for so long, and for the spacing at least."""
        self._open_at_s = max(self._open_at_s, self._clock() + max(self._spacing_s, seconds))

    def widen_spacing(self) -> None:
        """Let requests start further apart."""
        self._spacing_s = min(max(2 * self._spacing_s, _FIRST_SPACING_S), _LAST_SPACING_S)

    def narrow_spacing(self) -> bool:
        """Let requests start less far apart; return False where they are not spaced."""
        if not self._spacing_s:
            return False
        narrower_s = self._spacing_s * _SPACING_RECOVERY
        self._spacing_s = narrower_s if narrower_s > _FIRST_SPACING_S / 2 else 0.0
        return True

    def pause(self, outage_round: int) -> float:
        """Let nobody start for a while, longer each time; return the seconds of all pauses of this outage.

        ``outage_round`` is that in which the request started which reached nobody.
        """
        # Requests that were under way together are one sign, not many.
        if outage_round == self.outage_round:
            self.outage_round += 1
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LAST_PAUSE_S)
            self._paused_s += self._pause_s
        self._open_at_s = max(self._open_at_s, self._clock() + self._pause_s)
        return self._paused_s

    def end_pauses(self) -> None:
        """Forget the pauses: the next outage begins with a short one."""
        self._pause_s = self._paused_s = 0.0

    def _gap_s(self) -> float:
        return max(self._interval_s, self._spacing_s, self._pause_s)
