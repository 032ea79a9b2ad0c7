"""Answers for events: 204 once one is on disk, 401 for what was not signed, at bounded memory and time.

Invariant: whatever is sent, what is kept of it is bounded (each body, all bodies under way, connections), it
is done with within seconds, and a refusal says nothing of its reason that a sender could learn from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import LandingError
from pipeline.payload.event import find_event_name
from pipeline.payload.redact import redact_unread
from pipeline.receive.journal import Journal
from pipeline.receive.numbers import CONTENT_TYPE, Numbers
from pipeline.receive.segment import Received
from pipeline.receive.sources import Sources, is_loopback
from pipeline.retell.signature import HEADER, Signed, verify

Scope = dict[str, Any]
Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

MOST_BYTES = 16 * 1024 * 1024
"""Of one body."""
_MOST_BYTES_UNDER_WAY = 256 * 1024 * 1024
_BODY_WITHIN_S = 15.0
_HEADER = HEADER.encode()
_FORWARDED = b"x-forwarded-for"
_HEALTH_KEPT_S = 5.0


class _Refused(Exception):
    """A request that is refused: with which status, and what is counted."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


@dataclass
class Receiver:
    """The ASGI application; `keys` verify signatures, the first is the newest.

    `before_write` is given each event before it is written, and its body as it came.
    """

    journal: Journal
    keys: Sequence[str]
    path: str
    sources: Sources
    numbers: Numbers
    before_write: Callable[[Received, bytes], None] = lambda event, body: None
    body_within_s: float = _BODY_WITHIN_S
    _under_way: int = field(init=False, default=0)
    _last_us: int = field(init=False, default=0)
    _healthy: tuple[float, bool] | None = field(init=False, default=None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._answer(scope, receive)
        except _Refused as refused:
            self.numbers.refuse(refused.reason)
            status, headers, body = refused.status, [], b""
            if refused.status == 503:
                headers.append((b"retry-after", b"5"))
            # What is left of the body is not waited for.
            headers.append((b"connection", b"close"))
        if status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        method, path = scope["method"], scope["path"]
        client = scope.get("client") or (None,)
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
        sender = self.sources.find_sender(client[0], forwarded)
        if path == self.path:
            if not self.sources.allow(sender):
                raise _Refused(403, "source")
            if method == "POST":
                await self._take(scope, receive)
            elif method == "GET" and _find_signatures(scope):
                # `doctor` asks whether events would arrive.
                self._verify(scope, b"", time.time_ns() // 1_000_000)
            else:
                raise _Refused(405, "method")
            return 204, [], b""
        if path == "/healthz" and method in ("GET", "HEAD"):
            is_ready = await self._is_ready()
            text = b"ready\n" if is_ready else b"events cannot be written to disk\n"
            return 200 if is_ready else 503, [(b"content-type", b"text/plain")], text
        # Behind a proxy every request comes from this machine: then what it says of its sender counts.
        if path == "/metrics" and method == "GET" and is_loopback(sender) and not forwarded:
            return 200, [(b"content-type", CONTENT_TYPE.encode())], self.numbers.as_text()
        raise _Refused(404, "path")

    async def _take(self, scope: Scope, receive: Receive) -> None:
        """Take in an event; return when it is on disk."""
        started = time.perf_counter()
        pieces: list[bytes] = []
        try:
            await self._read_body(scope, receive, pieces)
            body = b"".join(pieces)
            await self._take_body(scope, body)
        finally:
            self._under_way -= sum(map(len, pieces))
        self.numbers.accept(find_event_name(body), time.perf_counter() - started)

    async def _take_body(self, scope: Scope, body: bytes) -> None:
        now_us = time.time_ns() // 1000
        signed = self._verify(scope, body, now_us // 1000)
        # No two come at the same moment, so one of them is the newer.
        self._last_us = now_us = max(now_us, self._last_us + 1)
        event = Received(now_us, redact_unread(body), signed.at_ms, signed.key_number)
        self.before_write(event, body)
        try:
            await self.journal.append(event)
        except LandingError:
            raise _Refused(503, "disk") from None

    def _verify(self, scope: Scope, body: bytes, now_ms: int) -> Signed:
        given = _find_signatures(scope)
        # Two of them are none: a proxy and a receiver might not believe the same one.
        header = given[0].decode("latin-1") if len(given) == 1 else None
        signed = verify(body, header, self.keys, now_ms)
        if signed is None:
            raise _Refused(401, "signature")
        return signed

    async def _read_body(self, scope: Scope, receive: Receive, pieces: list[bytes]) -> None:
        """Read the body in pieces, which count as under way until they are answered for."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        if lengths and any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            # A proxy before this one might have believed the other one of the two.
            raise _Refused(400, "length")
        if lengths and (not lengths[0].isdigit() or int(lengths[0]) > MOST_BYTES):
            raise _Refused(413, "too large")
        size = 0
        try:
            async with asyncio.timeout(self.body_within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, "gone")
                    piece = message.get("body", b"")
                    pieces.append(piece)
                    size += len(piece)
                    self._under_way += len(piece)
                    if size > MOST_BYTES:
                        raise _Refused(413, "too large")
                    if self._under_way > _MOST_BYTES_UNDER_WAY:
                        raise _Refused(503, "busy")
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            raise _Refused(408, "slow") from None

    async def _is_ready(self) -> bool:
        """Return whether events can be written, as found at most seconds ago."""
        now = time.monotonic()
        if self._healthy is None or now - self._healthy[0] > _HEALTH_KEPT_S:
            self._healthy = now, await self.journal.check_writable()
        return self._healthy[1] and self.journal.is_writable


def _find_signatures(scope: Scope) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == _HEADER]
