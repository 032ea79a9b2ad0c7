"""Decides when the next request may start, by the rate, the spacing after 429, and pauses in an outage.

Invariant: while nobody can be reached, requests are few and ever rarer; the first answer lets all go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

# Where even one request at a time is too many, starts are spaced: by this much at first, doubling with each
# further 429 up to the last, and shrinking with each success.
_FIRST_SPACING_S = 0.1
_LAST_SPACING_S = 10.0
_SPACING_RECOVERY = 0.95
_FIRST_PAUSE_S = 0.5
_LAST_PAUSE_S = 10.0


class StartGate:
    """Decides when a request may start: ``interval_s`` after the last one, and never during a pause."""

    def __init__(
        self, interval_s: float, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.outage_round = 0
        """How often requests were held back because nobody was reached."""
        self._interval_s = interval_s
        self.spacing_s = 0.0
        """How far starts are apart since single requests were refused, in seconds."""
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

    def hold(self) -> None:
        """Let nobody start for as long as the spacing."""
        self._open_at_s = max(self._open_at_s, self._clock() + self.spacing_s)

    def widen_spacing(self) -> None:
        """Let requests start further apart."""
        self.spacing_s = min(max(2 * self.spacing_s, _FIRST_SPACING_S), _LAST_SPACING_S)

    def narrow_spacing(self) -> bool:
        """Let requests start less far apart; return False where they are not spaced."""
        if not self.spacing_s:
            return False
        narrower_s = self.spacing_s * _SPACING_RECOVERY
        self.spacing_s = narrower_s if narrower_s > _FIRST_SPACING_S / 2 else 0.0
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
        return max(self._interval_s, self.spacing_s, self._pause_s)
