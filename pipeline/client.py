"""Asks the API for one call at a time and turns whatever happens into an answer.

Invariant: the key goes to the host of RETELL_BASE_URL only and appears in no message, and every call asked
for gets exactly one `Answer`, unless the run as a whole cannot go on (`KeyRefused`, `ApiUnreachable`).
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from pipeline import __version__
from pipeline.answer import Answer, ApiVersion, Stats, Status
from pipeline.body import MIB, Body, UnsupportedEncoding
from pipeline.call_id import is_call_id
from pipeline.errors import ApiUnreachable, ConfigurationError, KeyRefused
from pipeline.origin import Origin
from pipeline.pace import AdaptiveLimit, Slot
from pipeline.retry import Retriable, RetryPolicy, from_transport, is_retried, retry_after_s
from pipeline.strict_json import Malformed, parse

_PATHS: dict[ApiVersion, str] = {"v2": "/v2/get-call/", "v1": "/get-call/"}  # in the order `auto` tries them
_MAX_REDIRECTS = 5
_POOL_SIZE = 4
_DRAINED = 64 * 1024
_SENDABLE_KEY = re.compile(r"[!-~]+\Z")


@dataclass(slots=True)
class _Asked:
    """One call id on its way through its attempts."""

    call_id: str
    attempts: int = 0
    queued_s: float = 0.0
    absent_in: set[ApiVersion] = field(default_factory=set)


class _Hopeless(Exception):
    """The API cannot have been what answered, and asking again would not help."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(reason)


class CallsClient:
    """Fetches calls, many at a time; an async context manager that belongs to one event loop.

    ``rate`` is in requests per second; ``request_timeout_s`` bounds each single read, write and connect, and
    ``deadline_s`` a whole request, so that a body which drips byte by byte ends too. ``clock`` and ``sleep``
    are in seconds, ``rng`` yields 0 to 1, ``now`` is aware; ``breaker`` calls in a row that fail without a
    proper answer end the run. Raises `ConfigurationError` for a base URL or a key that cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        api_version: Literal["auto", "v1", "v2"] = "auto",
        concurrency: int = 16,
        rate: float | None = None,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008  it is immutable
        transport: httpx.AsyncBaseTransport | None = None,
        request_timeout_s: float = 30,
        deadline_s: float = 60,
        max_body_bytes: int = 15 * MIB,
        breaker: int = 25,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not _SENDABLE_KEY.match(api_key):
            # Checked here because httpx would quote the key in its own error.
            raise ConfigurationError("RETELL_API_KEY is empty or holds a blank or a character outside ASCII")
        self._base = _checked_base(base_url)
        self._base_url = str(self._base).rstrip("/")
        self._authorization = f"Bearer {api_key}"
        self._version: ApiVersion | None = None if api_version == "auto" else api_version
        self._policy = policy
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._breaker = breaker
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._now = now
        self._limit = AdaptiveLimit(
            concurrency, rate=rate, hold_cap_s=policy.retry_after_cap_s, clock=clock, sleep=sleep
        )
        self._requests = self._retries = self._throttled = self._received_bytes = 0
        self._failures = 0
        self._last_failure = ""
        # httpx looks at every connection of a pool for each request: one pool of 64 is slower than one of 4.
        # Small pools, one of which goes with each slot, keep the cost of a request flat.
        pools = 1 if transport else -(-concurrency // _POOL_SIZE)
        self._pools = [
            httpx.AsyncClient(
                transport=transport,
                verify=_tls(),
                headers={
                    "Accept": "application/json",
                    # Only what can be decoded under a cap; httpx would offer more.
                    "Accept-Encoding": "gzip",
                    "User-Agent": f"call-analytics-pipeline/{__version__}",
                },
                timeout=request_timeout_s,
                limits=httpx.Limits(max_connections=_POOL_SIZE, max_keepalive_connections=_POOL_SIZE),
                follow_redirects=False,
                # Over plain http the key must not go to a proxy that the environment names.
                trust_env=self._base.scheme == "https",
            )
            for _ in range(pools)
        ]
        self._free_pools = [self._pools[number % pools] for number in range(concurrency)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pool in self._pools:
            await pool.aclose()

    @property
    def stats(self) -> Stats:
        """The counters, the concurrency allowed now and the API version decided on, as they are now."""
        return Stats(
            requests=self._requests,
            retries=self._retries,
            throttled=self._throttled,
            received_bytes=self._received_bytes,
            concurrency=self._limit.limit,
            api_version=self._version,
        )

    async def get_call(self, call_id: str) -> Answer:
        """Return what the API says about ``call_id``, after retries where these can help.

        Raises ValueError for text that is no call id, `KeyRefused` on 401 and 403, and `ApiUnreachable` once
        `breaker` calls in a row have failed.
        """
        if not is_call_id(call_id):
            raise ValueError("not a call id: 1 to 128 of A-Z a-z 0-9 _ -")
        # Before the request, not after the failure that was one too many: no answer is lost to the breaker.
        if self._failures >= self._breaker:
            raise ApiUnreachable(self._base_url, self._failures, self._last_failure)
        asked = _Asked(call_id)
        try:
            answer = await self._policy.call(
                lambda number: self._attempt(asked, number),
                # Queueing for a slot is time of the other calls and does not use up this one's budget.
                clock=lambda: self._clock() - asked.queued_s,
                sleep=self._sleep,
                rng=self._rng,
            )
        except (Retriable, _Hopeless) as failure:
            return self._failed(asked, failure)
        self._failures = 0
        return answer

    def _answer(self, asked: _Asked, status: Status, http_status: int | None, **facts: Any) -> Answer:
        return Answer(asked.call_id, status, http_status, asked.attempts, self._now(), **facts)

    def _failed(self, asked: _Asked, failure: Retriable | _Hopeless) -> Answer:
        reason = failure.reason
        if isinstance(failure, Retriable):
            reason += f" after {asked.attempts} attempt{'s' if asked.attempts > 1 else ''}"
        self._failures += 1
        self._last_failure = reason
        if isinstance(failure, Retriable) and isinstance(failure.cause, Malformed):
            facts = {"body": failure.body or b"", "fault": failure.cause, "reason": reason}
            return self._answer(asked, "malformed", failure.status, **facts)
        return self._answer(asked, "failed", failure.status, reason=reason)

    async def _attempt(self, asked: _Asked, number: int) -> Answer:
        asked.attempts = number
        self._retries += number > 1
        while True:
            candidates = list(_PATHS) if self._version is None else [self._version]
            version = next((each for each in candidates if each not in asked.absent_in), None)
            if version is None:
                return self._answer(asked, "not_found", 404, reason="HTTP 404")
            answer = await self._ask(asked, _PATHS[version])
            if answer.status == "not_found":
                # An unknown path is a 404 too, so ask the other one unless the version is known by now.
                asked.absent_in.add(version)
                continue
            if answer.status == "found" and self._version is None:
                self._version = version
            return answer

    async def _ask(self, asked: _Asked, path: str) -> Answer:
        url = httpx.URL(f"{self._base_url}{path}{quote(asked.call_id, safe='')}")
        for _ in range(_MAX_REDIRECTS + 1):
            reply = await self._request(asked, url)
            if isinstance(reply, Answer):
                return reply
            if isinstance(reply, bytes):
                return self._parsed(asked, reply)
            url = reply
        raise _Hopeless(f"redirected more than {_MAX_REDIRECTS} times")

    async def _request(self, asked: _Asked, url: httpx.URL) -> Answer | bytes | httpx.URL:
        """Return the body of a 200, where a redirect leads, or the answer that any other status is."""
        queued_at_s = self._clock()
        async with self._limit.slot() as slot:
            asked.queued_s += self._clock() - queued_at_s
            self._requests += 1
            pool = self._free_pools.pop()
            try:
                async with (
                    asyncio.timeout(self._deadline_s),
                    pool.stream("GET", url, headers={"Authorization": self._authorization}) as response,
                ):
                    return await self._read(asked, response, slot)
            except (httpx.TransportError, OSError) as error:
                # Without its cause: that quotes bytes of the server and holds the request, so the key.
                raise from_transport(error) from None
            finally:
                self._free_pools.append(pool)

    async def _read(self, asked: _Asked, response: httpx.Response, slot: Slot) -> Answer | bytes | httpx.URL:
        status = response.status_code
        if status in (401, 403):
            raise KeyRefused(status, asked.call_id)
        if status == 200:
            return await self._body(asked, response, slot)
        wait_s = retry_after_s(response.headers, self._now())
        if status == 429:
            self._throttled += 1
            slot.throttled(wait_s)
        await self._drain(response)
        if is_retried(status):
            raise Retriable(f"HTTP {status}", status=status, retry_after_s=wait_s)
        slot.succeeded()
        if response.has_redirect_location:
            return self._redirect(response)
        return self._answer(
            asked, "not_found" if status == 404 else "failed", status, reason=f"HTTP {status}"
        )

    async def _body(self, asked: _Asked, response: httpx.Response, slot: Slot) -> Answer | bytes:
        try:
            body = Body(response.headers.get("content-encoding", ""), self._max_body_bytes)
        except UnsupportedEncoding as error:
            raise _Hopeless(str(error), 200) from None
        async for raw in _raw(response):
            self._received_bytes += len(raw)
            body.feed(raw)
            if body.is_too_large:
                break
        slot.succeeded()
        try:
            return body.whole()
        except Malformed as fault:
            facts = {"body": body.beginning(), "fault": fault, "reason": fault.reason}
            return self._answer(asked, "malformed", 200, **facts)

    async def _drain(self, response: httpx.Response) -> None:
        # An error page read to its end leaves the connection usable; a long one is not worth it. If it breaks
        # off, what the status and the headers said still holds.
        drained = 0
        with suppress(httpx.TransportError, OSError):
            async for raw in _raw(response):
                self._received_bytes += len(raw)
                drained += len(raw)
                if drained > _DRAINED:
                    return

    def _parsed(self, asked: _Asked, body: bytes) -> Answer:
        try:
            return self._answer(asked, "found", 200, body=body, document=parse(body))
        except Malformed as fault:
            if fault.is_syntax:
                # Without Content-Length a cut body looks complete until it is parsed.
                raise Retriable(fault.reason, status=200, body=body, cause=fault) from None
            return self._answer(asked, "malformed", 200, body=body, fault=fault, reason=fault.reason)

    def _redirect(self, response: httpx.Response) -> httpx.URL:
        status = response.status_code
        try:
            target = response.url.join(response.headers["location"])
            origin = _origin(target)
        except (httpx.InvalidURL, ValueError):
            raise _Hopeless(f"HTTP {status} to a location that is no URL", status) from None
        # A user name in the URL would make httpx send that in place of the key.
        if target.userinfo or not _origin(self._base).may_send_to(origin):
            raise _Hopeless(
                f"HTTP {status} to {str(origin)[:100]}, where the key is not sent: check RETELL_BASE_URL",
                status,
            )
        return target


def _raw(response: httpx.Response) -> httpx.AsyncByteStream:
    # The stream itself rather than aiter_raw(), which refuses a response that a mock transport made whole.
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes 30 ms, too long for each of the pools.
    return httpx.create_ssl_context()


def _checked_base(base_url: str) -> httpx.URL:
    try:
        base = httpx.URL(base_url.strip())
        origin = _origin(base)
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError("RETELL_BASE_URL is not a URL") from None
    # Not repeated in the message: a password would be a secret too.
    if base.userinfo or "?" in base_url or "#" in base_url:
        raise ConfigurationError("RETELL_BASE_URL must hold no user name, query or fragment")
    origin.check_as_base()
    return base


def _origin(url: httpx.URL) -> Origin:
    return Origin(url.scheme, url.host, url.port)
