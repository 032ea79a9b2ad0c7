"""Holds the limits of an account, a limit a route, and makes requests wait for them.

Invariant: the clients of one process that ask with one key share one account, so that none has to find out by
being refused what the others have used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from threading import Lock
from typing import Literal, Self
from weakref import WeakValueDictionary

import httpx

from pipeline.retell.account_limit import AccountLimit, Permit
from pipeline.retell.limit_headers import read_limit
from pipeline.retell.retry import read_retry_after

Route = Literal["get", "list"]


class Account:
    """The limits of one account by route; ``clock`` is in seconds. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits: dict[Route, AccountLimit] = {"get": AccountLimit(clock), "list": AccountLimit(clock)}


_shared: WeakValueDictionary[tuple[str, str], Account] = WeakValueDictionary()
_shared_lock = Lock()


def share_account(base_url: str, api_key: str) -> Account:
    """Return the account of a key, which is the same one as long as any client has it."""
    with _shared_lock:
        account = _shared.get((base_url, api_key))
        if account is None:
            account = _shared[base_url, api_key] = Account()
        return account


class RouteGate:
    """Lets one client's requests of a route start when the limit permits it; belongs to one event loop."""

    def __init__(
        self, limit: AccountLimit, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()

    def enter(self) -> Pass:
        """Return the way of one request, for a `with` block: it may start while the block runs."""
        return Pass(self, self._limit)

    async def _wait_for_permit(self) -> Permit:
        """Wait until a request may start, after those that have waited longer."""
        # Nearly always nothing is to be waited for.
        if not self._queue.locked() and isinstance(permit := self._limit.try_start(), Permit):
            return permit
        async with self._queue:
            permit = self._limit.try_start()
            while not isinstance(permit, Permit):
                await self._sleep(max(0.0, permit - self._clock()))
                permit = self._limit.try_start(permit)
            return permit


class Pass:
    """One request's way through the limit of its route: entering waits, and leaving gives the permit back."""

    def __init__(self, gate: RouteGate, limit: AccountLimit) -> None:
        self._gate = gate
        self._limit = limit
        self._permit: Permit | None = None

    async def __aenter__(self) -> Self:
        self._permit = await self._gate._wait_for_permit()
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._permit is not None:
            self._limit.lose(self._permit)

    def note_answer(self, response: httpx.Response, now: datetime) -> bool:
        """Take over what an answer tells; return whether it is a refusal that is known to end, and when.

        ``now`` is aware.
        """
        permit, self._permit = self._permit, None
        assert permit is not None
        # Few servers tell anything, and looking for that costs less than reading headers.
        tells = any(b"ratelimit" in name.lower() for name, _ in response.headers.raw)
        told = read_limit(response.headers, now) if tells else None
        if response.status_code == 429:
            return self._limit.refuse(permit, told, read_retry_after(response.headers, now))
        self._limit.admit(permit, told)
        return False
