"""Decides what is tried again, when, and for how long: the only place that retries a request.

Invariant: an attempt follows another only for a failure that may pass by itself, not before the server's
`Retry-After` (up to a cap), not more than ``max_attempts`` times and not after ``budget_s``. A failure to
connect counts neither as an attempt nor as time: how long an outage may last is decided once for all calls
(`outage`). Nor does a refusal that says when to come back: requests wait for that together (`account_limit`).
"""

from __future__ import annotations

import random
import re
import time
from asyncio import sleep as asyncio_sleep
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline.retell.failures import Retriable
from pipeline.retell.http_dates import find_server_time, read_date

T = TypeVar("T")

_RETRIED_CLIENT_ERRORS = frozenset({408, 409, 425, 429})
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,12})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one call is tried; immutable, shared by all calls of a run."""

    max_attempts: int = 6
    """Attempts in all, the first included."""
    base_s: float = 0.5
    """Ceiling of the first wait in seconds; it doubles with every attempt."""
    max_wait_s: float = 30.0
    """Largest ceiling of a wait that the server did not ask for, in seconds."""
    retry_after_cap_s: float = 60.0
    """Longest wait in seconds that a server can ask for."""
    budget_s: float = 180.0
    """Seconds from the first attempt after which none begins any more, waits included."""

    def wait_s(
        self, attempt: int, retry_after_s: float | None, rng: Callable[[], float] = random.random
    ) -> float:
        """Return the seconds to wait after failed attempt number ``attempt`` (from 1).

        Full jitter: anything from 0 to the doubled ceiling, so that calls which failed together do not come
        back together; but at least what the server asked for, up to the cap.
        """
        # The exponent is bounded because 2.0 ** 1024 overflows.
        ceiling_s = min(self.max_wait_s, self.base_s * 2.0 ** min(attempt - 1, 64))
        return max(rng() * ceiling_s, min(retry_after_s or 0.0, self.retry_after_cap_s))

    async def call(
        self,
        attempt: Callable[[int], Awaitable[T]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio_sleep,
        rng: Callable[[], float] = random.random,
        on_retry: Callable[[Retriable, int, float], None] = lambda failure, number, wait_s: None,
    ) -> T:
        """Await ``attempt(number)`` until it returns, and return its result.

        ``on_retry`` is called with a failure that is tried again, before the wait: which attempt that was,
        and how many seconds the wait is.

        Raises the last `Retriable` when the attempts are used up or the next wait would outlast the budget.
        Any other exception, a cancellation too, passes at once.
        """
        began_s = clock()
        number = 1
        while True:
            try:
                return await attempt(number)
            except Retriable as failure:
                if not failure.is_attempt:
                    on_retry(failure, number, 0.0)
                    began_s = clock()
                    continue
                wait_s = self.wait_s(number, failure.retry_after_s, rng)
                if number >= self.max_attempts or clock() - began_s + wait_s > self.budget_s:
                    raise
                on_retry(failure, number, wait_s)
            await sleep(wait_s)
            number += 1


def is_retriable(status: int) -> bool:
    """Return whether an HTTP status may pass by itself: 408, 409, 425, 429 and every 5xx."""
    return status in _RETRIED_CLIENT_ERRORS or 500 <= status <= 599


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that the server asks to wait, or None when it asks for nothing intelligible.

    Reads ``retry-after-ms`` (milliseconds, as Retell's SDK does), else ``Retry-After`` in seconds or as an
    HTTP date (RFC 9110, 10.2.3) by the server's own clock, else by ``now`` (aware). Garbage and dates in the
    past are ignored.
    """
    in_ms = headers.get("retry-after-ms", "").strip()
    if _DECIMAL.match(in_ms):
        return float(in_ms) / 1000
    text = headers.get("retry-after", "").strip()
    if _DECIMAL.match(text):
        return float(text)
    moment = read_date(text)
    if moment is None:
        return None
    wait_s = (moment - find_server_time(headers, now)).total_seconds()
    return wait_s if wait_s > 0 else None
