"""Sends requests under the whole policy: slots, retries, redirects, the key, a deadline and a capped body.

Invariant: the key goes to the host of RETELL_BASE_URL only and appears in no message, and whatever happens
to a request becomes one `Reply`, unless the run as a whole cannot go on (`KeyRefused`, `ApiUnreachable`).
A server that is away for a while costs no call its attempts, and few requests.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from pipeline import __version__, log
from pipeline.errors import ApiUnreachable, ConfigurationError, KeyRefused, NoConnection
from pipeline.payload.strict_json import Malformed
from pipeline.retell.answer import ApiVersion, Stats
from pipeline.retell.base_url import Address
from pipeline.retell.outage import Outage
from pipeline.retell.rate_limit import AdaptiveLimit, Slot
from pipeline.retell.response import Hopeless, Reader, Reply, parsed, whole
from pipeline.retell.retry import Retriable, RetryPolicy, distrust, from_transport, is_retried, retry_after_s
from pipeline.retell.transport import AiohttpWire, Response, TransportWire, Wire

_MAX_REDIRECTS = 5
_SENDABLE_KEY = re.compile(r"[!-~]+\Z")


@dataclass(slots=True)
class Errand:
    """One thing that is asked for, on its way through its attempts; ``call_id`` if it is about one call."""

    call_id: str | None = None
    attempts: int = 0
    queued_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    content: bytes | None
    timeout_s: float | None


class Http:
    """Speaks HTTP for a client, which says what the options mean; belongs to one event loop.

    Raises `ConfigurationError` for a base URL or a key that cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        allow_http: bool,
        api_key: str,
        concurrency: int,
        rate: float | None,
        policy: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None,
        request_timeout_s: float,
        deadline_s: float,
        max_body_bytes: int,
        breaker: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        if not _SENDABLE_KEY.match(api_key):
            # Checked here because httpx would quote the key in its own error.
            raise ConfigurationError("RETELL_API_KEY is empty or holds a blank or a character outside ASCII")
        self._address = Address(base_url, allow_http=allow_http)
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            # Only what can be decoded under a cap.
            "Accept-Encoding": "gzip",
            "User-Agent": f"call-analytics-pipeline/{__version__}",
        }
        self._policy = policy
        self._request_timeout_s = request_timeout_s
        self._deadline_s = deadline_s
        self._reader = Reader(max_body_bytes)
        self._breaker = breaker
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._now = now
        self._limit = AdaptiveLimit(
            concurrency, rate=rate, hold_cap_s=policy.retry_after_cap_s, clock=clock, sleep=sleep
        )
        self._outage = Outage(str(self._address), clock)
        self._requests = self._retries = self._throttled = 0
        self._failures = 0
        self._last_failure = ""
        # Over plain http the key must not go to a proxy that the environment names.
        trust_env = self._address.is_encrypted
        self._wire: Wire = (
            AiohttpWire(concurrency, connect_s=request_timeout_s, trust_env=trust_env)
            if transport is None
            else TransportWire(transport)
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    def stats(self, api_version: ApiVersion | None) -> Stats:
        """Return the counters and the concurrency allowed, as they are now."""
        return Stats(
            requests=self._requests,
            retries=self._retries,
            throttled=self._throttled,
            received_bytes=self._reader.received_bytes,
            concurrency=self._limit.limit,
            api_version=api_version,
        )

    async def run(self, errand: Errand, attempt: Callable[[], Awaitable[Reply]]) -> Reply:
        """Await ``attempt()``, which calls `send`, again where that can help, and return the last reply.

        Raises `KeyRefused` on 401 and 403, `ApiUnreachable` once `breaker` errands in a row have failed, and
        `NoConnection` where no connection can be made.
        """
        # Before the request, not after the failure that was one too many: no reply is lost to the breaker.
        if self._failures >= self._breaker:
            raise ApiUnreachable(str(self._address), self._failures, self._last_failure)

        async def numbered(number: int) -> Reply:
            errand.attempts = number
            self._retries += number > 1
            return await attempt()

        try:
            reply = await self._policy.call(
                numbered,
                # Queueing for a slot is time of the other errands and does not use up this one's budget.
                clock=lambda: self._clock() - errand.queued_s,
                sleep=self._sleep,
                rng=self._rng,
                on_retry=lambda failure, number, wait_s: log.event(
                    "retry",
                    log.DEBUG,
                    call_id=errand.call_id,
                    attempt=number,
                    http_status=failure.status,
                    reason=failure.reason,
                    wait_s=round(wait_s, 3),
                ),
            )
        except Retriable as failure:
            fault = failure.cause if isinstance(failure.cause, Malformed) else None
            body = failure.body or b"" if fault else b""
            times = f"{errand.attempts} attempt{'s' if errand.attempts > 1 else ''}"
            reply = Reply(failure.status, body, fault=fault, reason=f"{failure.reason} after {times}")
        except Hopeless as failure:
            reply = Reply(failure.status, reason=failure.reason)
        else:
            self._failures = 0
            return reply
        self._failures += 1
        self._last_failure = reply.reason or ""
        return reply

    async def send(
        self,
        errand: Errand,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Reply:
        """Ask once, following redirects, as part of an attempt; ``content`` is JSON.

        ``timeout_s`` replaces both the deadline and how long a single read may take.
        """
        request = _Request(method, self._address.url(path), content, timeout_s)
        for _ in range(_MAX_REDIRECTS + 1):
            reply = await self._exchange(errand, request)
            if isinstance(reply, Reply):
                return reply
            if isinstance(reply, bytes):
                return parsed(reply)
            request = reply
        raise Hopeless(f"redirected more than {_MAX_REDIRECTS} times")

    async def _exchange(self, errand: Errand, request: _Request) -> Reply | bytes | _Request:
        """Return the body of a 200, what a redirect asks for, or the reply that any other status is."""
        headers = self._headers
        if request.content is not None:
            headers = headers | {"Content-Type": "application/json"}
        read_s = request.timeout_s or self._request_timeout_s
        queued_at_s = self._clock()
        async with self._limit.slot() as slot:
            errand.queued_s += self._clock() - queued_at_s
            self._requests += 1
            try:
                async with asyncio.timeout(request.timeout_s or self._deadline_s):
                    response = await self._wire.ask(
                        request.method, request.url, headers, request.content, read_s
                    )
                    try:
                        self._outage.answered()
                        slot.reached()
                        return await self._read(errand, request, response, slot)
                    finally:
                        await response.close()
            except (httpx.TransportError, OSError) as error:
                # Without its cause: that quotes bytes of the server and holds the request, so the key.
                raise self._failed(error, slot) from None

    def _failed(self, error: Exception, slot: Slot) -> Retriable | NoConnection:
        if (reason := distrust(error)) is not None:
            # Asking again would not make it trusted, and whoever answers there must not get the key.
            return NoConnection(str(self._address), 1, reason)
        failure = from_transport(error)
        if failure.is_unconnected:
            self._outage.unconnected(failure.reason, slot.unreachable())
        return failure

    async def _read(
        self, errand: Errand, request: _Request, response: Response, slot: Slot
    ) -> Reply | bytes | _Request:
        status = response.status_code
        if status in (401, 403):
            raise KeyRefused(status, errand.call_id)
        if status == 200:
            body = await self._reader.read(response)
            slot.succeeded()
            return whole(body)
        wait_s = retry_after_s(response.headers, self._now())
        if status == 429:
            self._throttled += 1
            slot.throttled(wait_s)
        await self._reader.drain(response)
        if is_retried(status):
            raise Retriable(f"HTTP {status}", status=status, retry_after_s=wait_s)
        slot.succeeded()
        if not response.has_redirect_location:
            return Reply(status, reason=f"HTTP {status}")
        moved = replace(request, url=self._address.after(request.url, response))
        # 303 says to look elsewhere for what the request led to; any other asks for the same again.
        return replace(moved, method="GET", content=None) if status == 303 else moved
