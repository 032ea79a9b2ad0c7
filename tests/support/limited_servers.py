"""Models of servers that limit an account, as transports for httpx on virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx

from support.virtual_time import now_s

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)


def local_time() -> datetime:
    """Return what this machine's clock says in virtual time."""
    return EPOCH + timedelta(seconds=now_s())


@dataclass
class FixedWindow:
    """So many requests in each window, which begins with the clock, or with the first request."""

    limit: int = 100
    seconds: float = 10.0
    is_aligned: bool = False
    began_s: float = -math.inf
    used: int = 0

    def take(self) -> tuple[bool, int, float]:
        """Return whether a request is let through, how many may follow, and the seconds until the reset."""
        now = now_s()
        if now >= self.began_s + self.seconds:
            self.began_s = now - (now + 3.7) % self.seconds if self.is_aligned else now
            self.used = 0
        is_admitted = self.used < self.limit
        self.used += is_admitted
        return is_admitted, max(0, self.limit - self.used), round(self.began_s + self.seconds - now, 6)


@dataclass
class SlidingWindow:
    """So many requests in the last seconds, whenever one looks; the reset is that of the oldest."""

    limit: int = 100
    seconds: float = 10.0
    times_s: deque[float] = field(default_factory=deque)

    def take(self) -> tuple[bool, int, float]:
        now = now_s()
        while self.times_s and self.times_s[0] <= now - self.seconds:
            self.times_s.popleft()
        is_admitted = len(self.times_s) < self.limit
        if is_admitted:
            self.times_s.append(now)
        return is_admitted, self.limit - len(self.times_s), self.times_s[0] + self.seconds - now


@dataclass
class TokenBucket:
    """Fills evenly; the reset is when it is full, or when there is a token again."""

    limit: int = 100
    seconds: float = 10.0
    resets_when_full: bool = True
    tokens: float = math.inf
    seen_s: float = 0.0

    def take(self) -> tuple[bool, int, float]:
        now = now_s()
        per_s = self.limit / self.seconds
        self.tokens = min(self.limit, self.tokens + (now - self.seen_s) * per_s)
        self.seen_s = now
        is_admitted = self.tokens >= 1
        self.tokens -= is_admitted
        missing = (self.limit if self.resets_when_full else 1) - self.tokens
        return is_admitted, int(self.tokens), max(0.0, missing / per_s)


Model = FixedWindow | SlidingWindow | TokenBucket


@dataclass
class LimitedServer(httpx.AsyncBaseTransport):
    """Answers every call after ``latency_s``, as far as a model lets it, and counts.

    ``headers`` says which answers tell of the limit, ``reset`` in which form they say until when.
    """

    model: Model | None = field(default_factory=FixedWindow)
    headers: str = "all"
    reset: str = "up"
    retry_after: str = "none"
    clock_ahead_s: float = 0.0
    latency_s: float = 0.05
    jitter: float = 0.5
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    refuses_until_s: float = 0.0
    change: Callable[[LimitedServer, float], None] = lambda server, since_s: None
    counts: Counter[int] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    began_s: float | None = None
    admitted_at_s: list[float] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        # On a network no two requests take the same time.
        await asyncio.sleep(self.latency_s / 2 * self.chance.uniform(1 - self.jitter, 1 + self.jitter))
        if self.began_s is None:
            self.began_s = now_s()
        self.change(self, now_s() - self.began_s)
        if now_s() - self.began_s < self.refuses_until_s:
            response = httpx.Response(429)
        elif self.model is None:
            response = httpx.Response(200, content=b"{}")
        else:
            response = self._answer(*self.model.take())
        if self.clock_ahead_s:
            response.headers["date"] = self._format(0)
        self.counts[response.status_code] += 1
        if response.status_code == 200:
            self.served[request.url.path.rpartition("/")[2]] += 1
            self.admitted_at_s.append(now_s() - self.began_s)
        await asyncio.sleep(self.latency_s / 2)
        return response

    def _answer(self, is_admitted: bool, left: int, reset_s: float) -> httpx.Response:
        assert self.model is not None
        response = httpx.Response(200 if is_admitted else 429, content=b"{}" if is_admitted else b"")
        if self.headers == "all" or (self.headers == "refused" and not is_admitted):
            response.headers["RateLimit-Limit"] = str(self.model.limit)
            response.headers["RateLimit-Remaining"] = str(left)
            response.headers["RateLimit-Reset"] = {
                "up": str(math.ceil(reset_s)),
                "down": str(math.floor(reset_s)),
                "exact": f"{reset_s:.3f}",
                "epoch": str(math.ceil(self._time().timestamp() + reset_s)),
                "date": self._format(reset_s + 1),
            }[self.reset]
        if not is_admitted and self.retry_after == "seconds":
            response.headers["Retry-After"] = str(math.ceil(reset_s))
        elif not is_admitted and self.retry_after == "date":
            response.headers["Retry-After"] = self._format(reset_s + 1)
        return response

    def _time(self) -> datetime:
        return local_time() + timedelta(seconds=self.clock_ahead_s)

    def _format(self, in_s: float) -> str:
        return format_datetime(self._time() + timedelta(seconds=in_s), usegmt=True)
