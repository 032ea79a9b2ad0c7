"""Asks the API for one call at a time, or which calls there are, and turns what happens into an answer.

Invariant: every call asked for gets exactly one `Answer`, and every page that is listed is whole or an error,
unless the run as a whole cannot go on (`KeyRefused`, `AccountRefused`, `LimitUsedUp`, `ApiUnreachable`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from pipeline.config import Settings
from pipeline.payload.call_id import is_call_id
from pipeline.retell.account import Account, share_account
from pipeline.retell.answer import Answer, ApiVersion, Stats, Status
from pipeline.retell.api import Api
from pipeline.retell.base_url import BaseUrl
from pipeline.retell.decoding import MIB
from pipeline.retell.listing import MAX_LIMIT, fetch_page, follow_pages
from pipeline.retell.page import Page
from pipeline.retell.rate_limit import AdaptiveLimit
from pipeline.retell.response import Reply
from pipeline.retell.retry import RetryPolicy
from pipeline.retell.sender import ApiRequest, Sender

_PATHS: dict[ApiVersion, str] = {"v2": "/v2/get-call/", "v1": "/get-call/"}  # in the order `auto` tries them


class CallsClient:
    """Fetches calls, many at a time; an async context manager that belongs to one event loop.

    ``rate`` is in requests per second; ``request_timeout_s`` bounds each single read, write and connect, and
    ``deadline_s`` a whole request, so that a body which drips byte by byte ends too; ``listing_timeout_s``
    bounds both for a page of the listing. ``clock`` and ``sleep`` are in seconds, ``rng`` yields 0 to 1,
    ``now`` is aware; ``breaker`` calls in a row that fail without a proper answer end the run. ``account``
    has the limits that clients share; without one the client has an account of its own. Raises
    `ConfigurationError` for a base URL or a key that cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        allow_http: bool = False,
        api_key: str,
        api_version: Literal["auto", "v1", "v2"] = "auto",
        concurrency: int = 16,
        rate: float | None = None,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008  it is immutable
        transport: httpx.AsyncBaseTransport | None = None,
        request_timeout_s: float = 30,
        deadline_s: float = 60,
        # Retell's own SDK gives a page 300 s and a call 60 s: a filter may search a whole account.
        listing_timeout_s: float = 300,
        max_body_bytes: int = 15 * MIB,
        breaker: int = 25,
        account: Account | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._version: ApiVersion | None = None if api_version == "auto" else api_version
        self._listing_timeout_s = listing_timeout_s
        self._now = now
        self._sender = Sender(
            base_url=BaseUrl(base_url, allow_http=allow_http),
            api_key=api_key,
            transport=transport,
            account=account or Account(clock),
            limit=AdaptiveLimit(concurrency, rate=rate, clock=clock, sleep=sleep),
            timeout_s=request_timeout_s,
            deadline_s=deadline_s,
            max_body_bytes=max_body_bytes,
            clock=clock,
            sleep=sleep,
            now=now,
        )
        self._api = Api(self._sender, policy, breaker=breaker, clock=clock, sleep=sleep, rng=rng)

    @classmethod
    def of(cls, settings: Settings, *, concurrency: int, rate: float | None) -> CallsClient:
        """Return a client for the settings, with the share of their concurrency and rate that it may use.

        All such clients of a process share the limits of the account.

        Raises ConfigurationError for settings that cannot be used.
        """
        return cls(
            base_url=settings.base_url,
            allow_http=settings.allow_http,
            api_key=settings.require_key(),
            api_version=settings.api_version,
            concurrency=concurrency,
            rate=rate,
            account=share_account(settings.base_url, settings.require_key()),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._sender.aclose()

    @property
    def stats(self) -> Stats:
        """The counters, the concurrency and pace allowed now, and the API version decided on."""
        return Stats(
            requests=self._sender.request_count,
            retries=self._api.retry_count,
            throttled=self._sender.throttled_count,
            received_bytes=self._sender.bodies.received_bytes,
            concurrency=self._sender.limit.limit,
            api_version=self._version,
            account=self._sender.account.limits["get"].pace,
        )

    async def get_call(self, call_id: str) -> Answer:
        """Return what the API says about ``call_id``, after retries where these can help.

        Raises ValueError for text that is no call id, `KeyRefused` on 401 and 403, `AccountRefused` on 402,
        `LimitUsedUp` after half an hour in which the account's limit let nothing through, and
        `ApiUnreachable` once `breaker` calls in a row have failed.
        """
        if not is_call_id(call_id):
            raise ValueError("not a call id: 1 to 128 of A-Z a-z 0-9 _ -")
        candidates = list(_PATHS) if self._version is None else [self._version]
        versions = {_PATHS[version] + quote(call_id, safe=""): version for version in candidates}
        request = ApiRequest("GET", list(versions), call_id=call_id)
        reply = await self._api.ask(request)
        if reply.reason is None and self._version is None:
            self._version = versions[request.paths[0]]
        return Answer(
            call_id,
            _read_status(reply),
            reply.status,
            request.attempts,
            self._now(),
            body=reply.body,
            parsed=reply.parsed,
            fault=reply.fault,
            reason=reply.reason,
        )

    async def list_calls(
        self,
        *,
        filters: dict[str, Any],
        ascending: bool = True,
        limit: int = MAX_LIMIT,
        pagination_key: str | None = None,
    ) -> Page:
        """Return a page of the calls that pass all ``filters``, by the time they started.

        ``limit`` is calls per page, ``pagination_key`` that of the page before. Raises `ListingFailed` when
        there is no page to be had, ValueError for a limit the API does not have, and what ends a run as
        `get_call` does.
        """
        return await fetch_page(
            self._api,
            filters=filters,
            ascending=ascending,
            limit=limit,
            pagination_key=pagination_key,
            timeout_s=self._listing_timeout_s,
        )

    def list_all(
        self, filters: dict[str, Any], ascending: bool = True, limit: int = MAX_LIMIT
    ) -> AsyncIterator[Page]:
        """Yield every page, each as soon as it came, of up to ``limit`` calls; see `list_calls`.

        Where a page is too large, it and those that follow are asked for with fewer calls. Raises
        `ListingFailed`, after the last page that came, when the API says there is more but not where.
        """

        def fetch(key: str | None, limit: int) -> Awaitable[Page]:
            return self.list_calls(filters=filters, ascending=ascending, limit=limit, pagination_key=key)

        return follow_pages(fetch, limit)


def _read_status(reply: Reply) -> Status:
    if reply.reason is None:
        return "found"
    if reply.fault is not None:
        return "malformed"
    return "not_found" if reply.is_absent else "failed"
