"""Makes one attempt: sends a request, follows redirects, reads the answer.

Invariant: the key goes only where `base_url` lets it and appears in no message; a request starts when
`account` and `rate_limit` let it, ends within its deadline, and its body is read up to a cap. What happens is
one `Reply` or one error: `Retriable`, `NotRetriable`, or that the run cannot go on (`KeyRefused`,
`AccountRefused`, `LimitUsedUp`, `NoConnection`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from pipeline.errors import AccountRefused, KeyRefused, LimitMet, LimitUsedUp, NoConnection
from pipeline.retell.account import Account, Pass, Route, RouteGate
from pipeline.retell.base_url import BaseUrl
from pipeline.retell.failures import NotRetriable, Retriable, find_tls_problem, read_transport_error
from pipeline.retell.http_client import make_headers, open_client
from pipeline.retell.outage import Outage
from pipeline.retell.rate_limit import AdaptiveLimit, Slot
from pipeline.retell.response import BodyReader, Reply, make_reply
from pipeline.retell.retry import is_retriable, read_retry_after

_MAX_REDIRECTS = 5
# An account that others have used up for so long is not waited for any more.
_LONGEST_REFUSED_S = 1800.0
# How the API says in a 422 what others say with 404.
_ABSENT = b"cannot find requested asset"


@dataclass(slots=True)
class ApiRequest:
    """What is asked of the API, on its way through its attempts.

    ``paths`` begin with a slash and are encoded; they are asked in this order until one does not say that
    nothing is there, and those that did are removed. ``content`` is JSON; ``timeout_s`` replaces both the
    deadline and how long a single read may take; ``call_id`` is set if the request is about one call;
    ``route`` says which limit of the account it uses up. ``queued_s`` is for how long it waited until it was
    let go.
    """

    method: str
    paths: list[str]
    content: bytes | None = None
    timeout_s: float | None = None
    call_id: str | None = None
    route: Route = "get"
    attempts: int = 0
    queued_s: float = 0.0


class Sender:
    """Sends requests, as many at a time as ``limit`` allows, within the limits of ``account``.

    Belongs to one event loop.
    ``timeout_s`` bounds each single read, write and connect, ``deadline_s`` a whole request. Raises
    `ConfigurationError` for a key or a proxy that cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: BaseUrl,
        api_key: str,
        transport: httpx.AsyncBaseTransport | None,
        account: Account,
        limit: AdaptiveLimit,
        timeout_s: float,
        deadline_s: float,
        max_body_bytes: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self.request_count = self.throttled_count = 0
        self.base_url = base_url
        self.account = account
        self.limit = limit
        self.bodies = BodyReader(max_body_bytes)
        self._headers = httpx.Headers(make_headers(api_key))
        self._client = open_client(base_url, timeout_s=timeout_s, transport=transport)
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._clock = clock
        self._now = now
        self._outage = Outage(str(base_url), clock)
        self._gates = {route: RouteGate(each, clock, sleep) for route, each in account.limits.items()}

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, request: ApiRequest) -> Reply:
        """Return what the API says to a request."""
        while True:
            reply = await self._send_to(request.paths[0], request)
            if not reply.is_absent or len(request.paths) == 1:
                return reply
            # An unknown path is a 404 too. Another attempt need not ask there again.
            del request.paths[0]

    async def _send_to(self, path: str, request: ApiRequest) -> Reply:
        url = self.base_url.join_path(path)
        message = self._make_message(request.method, url, request.content, request.timeout_s)
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._exchange(message, request)
            if isinstance(answer, Reply):
                return answer
            message = answer
        raise NotRetriable(f"redirected more than {_MAX_REDIRECTS} times")

    async def _exchange(self, message: httpx.Request, request: ApiRequest) -> Reply | httpx.Request:
        """Send one message; return what the answer is, or the message that a redirect asks for."""
        queued_at_s = self._clock()
        # A slot is taken last: what waits for one route's window keeps no slot from the other.
        async with self._gates[request.route].enter() as permitted, self.limit.slot() as slot:
            request.queued_s += self._clock() - queued_at_s
            self.request_count += 1
            try:
                async with asyncio.timeout(request.timeout_s or self._deadline_s):
                    response = await self._client.send(message, stream=True)
                    try:
                        failure = self._read_limits(response, request, permitted, slot)
                        return await self._read_answer(message, response, request, slot, failure)
                    finally:
                        await response.aclose()
            except (httpx.TransportError, OSError) as error:
                # Without its cause: that quotes bytes of the server and holds the request, so the key.
                raise self._read_error(error, slot) from None

    async def _read_answer(
        self,
        message: httpx.Request,
        response: httpx.Response,
        request: ApiRequest,
        slot: Slot,
        failure: Retriable | None,
    ) -> Reply | httpx.Request:
        status = response.status_code
        if status in (401, 403):
            raise KeyRefused(status, request.call_id)
        if status == 402:
            raise AccountRefused(status, request.call_id)
        if status == 200:
            body = await self.bodies.read(response)
            slot.note_success()
            return make_reply(body)
        beginning = await self.bodies.drain(response, keeps=status == 422)
        if failure is not None:
            raise failure
        slot.note_success()
        if not response.has_redirect_location:
            is_absent = status == 404 or (status == 422 and _ABSENT in beginning.lower())
            return Reply(status, reason=f"HTTP {status}", is_absent=is_absent)
        url = self.base_url.follow_redirect(response)
        # 303 says to look elsewhere for what the request led to; any other asks for the same again.
        if status == 303:
            return self._make_message("GET", url, None, request.timeout_s)
        return self._make_message(message.method, url, message.content, request.timeout_s)

    def _read_limits(
        self, response: httpx.Response, request: ApiRequest, permitted: Pass, slot: Slot
    ) -> Retriable | None:
        """Record what status and headers say of limits; return the failure that the answer is, if any."""
        self._outage.note_answer()
        slot.note_answer()
        status, now = response.status_code, self._now()
        is_explained = permitted.note_answer(response, now)
        if status == 429:
            self.throttled_count += 1
            if is_explained:
                self._raise_if_used_up(request)
                # Waiting for the window is left to the gate, where all requests of the route do so.
                return Retriable("HTTP 429", status=429, is_attempt=False)
            slot.note_throttling()
        if not is_retriable(status):
            return None
        return Retriable(
            f"HTTP {status}", status=status, retry_after_s=read_retry_after(response.headers, now)
        )

    def _raise_if_used_up(self, request: ApiRequest) -> None:
        for_s = self.account.limits[request.route].refused_for_s
        if for_s > _LONGEST_REFUSED_S:
            raise LimitUsedUp(for_s, request.call_id)

    def _read_error(self, error: Exception, slot: Slot) -> Retriable | NoConnection | LimitMet:
        if (limit := LimitMet.find(error)) is not None:
            return limit  # of this process: nobody else is asked
        if (reason := find_tls_problem(error)) is not None:
            # Asking again would not make it trusted, and whoever answers there must not get the key.
            return NoConnection(str(self.base_url), 1, reason)
        failure = read_transport_error(error)
        if not failure.is_attempt:
            self._outage.note_failure(failure.reason, slot.note_no_connection())
        return failure

    def _make_message(
        self, method: str, url: str | httpx.URL, content: bytes | None, timeout_s: float | None
    ) -> httpx.Request:
        # Made here, not by the client: that would add headers that nobody named.
        message = httpx.Request(method, url, headers=self._headers, content=content or None)
        if content:
            message.headers["Content-Type"] = "application/json"
        if timeout_s is not None:
            message.extensions["timeout"] = httpx.Timeout(timeout_s, connect=self._timeout_s).as_dict()
        return message
