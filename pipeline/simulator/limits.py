"""The limits of an account: so many requests in so many seconds, for calls and for the listing by themselves.

Invariant: of the requests that arrive in one window, no more are admitted than its limit, and the headers of
every answer say what was true when its request arrived. A window begins with the first request after the one
before has ended, as in an account that nobody else uses.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from starlette.types import Message, Send

# What X-RateLimit-Limiter calls the limits: that of every get, and that of every list.
Limiter = Literal["general", "list"]
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Window:
    """So many requests in so many seconds."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.seconds < math.inf:
            raise ValueError("a limit is at least 1 request in more than 0 seconds")

    @classmethod
    def read(cls, text: str) -> "Window":
        """Return the window that a text such as ``100:10`` names; raise ValueError for any other."""
        count, _, seconds = text.partition(":")
        try:
            return cls(int(count), float(seconds))
        except ValueError:
            raise ValueError(f"{text!r} is not a limit such as 100:10, requests and seconds") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server enforces and how it tells of it; None is no limit, and no headers.

    ``headers`` says which answers have ``RateLimit-*``; ``rounding`` how the seconds of ``RateLimit-Reset``
    become whole; ``retry_after`` how a refusal says when to come back beside that; ``clock_ahead_s`` how far
    the server's clock is ahead. For ``refuses_all_s`` after the first request every request is refused
    without a header. ``later`` has what is true so many seconds after the first request; the earliest first.
    """

    general: Window | None = None
    listing: Window | None = None
    headers: Literal["all", "refused", "none"] = "all"
    rounding: Literal["up", "down"] = "up"
    retry_after: Literal["none", "seconds", "date"] = "none"
    clock_ahead_s: float = 0.0
    refuses_all_s: float = 0.0
    later: tuple[tuple[float, "Limits"], ...] = ()


class LimitCounter:
    """Counts what one server has admitted; ``clock`` is in seconds. Belongs to one event loop."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._first_s: float | None = None
        self._began_s: dict[Limiter, float] = {}
        self._admitted: dict[Limiter, int] = {}

    def admit(self, limiter: Limiter) -> tuple[bool, Headers]:
        """Return whether a request that has just arrived is admitted, and the headers of its answer."""
        now_s = self._clock()
        if self._first_s is None:
            self._first_s = now_s
        since_s = now_s - self._first_s
        limits = self._limits
        for after_s, later in self._limits.later:
            if since_s >= after_s:
                limits = later
        date = datetime.now(UTC) + timedelta(seconds=limits.clock_ahead_s)
        headers = [("date", format_datetime(date, usegmt=True))] if limits.clock_ahead_s else []
        if since_s < limits.refuses_all_s:
            return False, headers
        window = limits.general if limiter == "general" else limits.listing
        if window is None:
            return True, headers
        admitted, left, ends_in_s = self._count(limiter, window, now_s)
        if limits.headers == "all" or (limits.headers == "refused" and not admitted):
            reset = math.ceil(ends_in_s) if limits.rounding == "up" else math.floor(ends_in_s)
            headers += [
                ("ratelimit-limit", str(window.count)),
                ("ratelimit-remaining", str(left)),
                ("ratelimit-reset", str(reset)),
            ]
        if not admitted:
            headers += [("x-ratelimit-limiter", limiter)] if limits.headers != "none" else []
            if limits.retry_after == "seconds":
                headers.append(("retry-after", str(math.ceil(ends_in_s))))
            elif limits.retry_after == "date":
                # A date has whole seconds only, and is not to be too early.
                when = date + timedelta(seconds=ends_in_s + 1)
                headers.append(("retry-after", format_datetime(when, usegmt=True)))
        return admitted, headers

    def _count(self, limiter: Limiter, window: Window, now_s: float) -> tuple[bool, int, float]:
        """Return whether there is room, how many may follow, and the seconds until the window ends."""
        if now_s >= self._began_s.get(limiter, -math.inf) + window.seconds:
            self._began_s[limiter] = now_s
            self._admitted[limiter] = 0
        is_admitted = self._admitted[limiter] < window.count
        self._admitted[limiter] += is_admitted
        left = max(0, window.count - self._admitted[limiter])
        # Rounded, since a sum of such times is seldom exact and a thousandth too much is a whole second then.
        return is_admitted, left, round(self._began_s[limiter] + window.seconds - now_s, 6)


def add_headers(send: Send, headers: Headers) -> Send:
    """Return a ``send`` that adds headers to the answer."""
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *raw]}
        await send(message)

    return send_with_headers
