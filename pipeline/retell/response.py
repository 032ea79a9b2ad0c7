"""Reads the body of a response, and says what it is.

Invariant: no more of a body is held than its cap, and the representation of a reply shows no payload.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from pipeline.payload.fast_parse import ParsedBody, parse_body
from pipeline.payload.strict_json import Malformed
from pipeline.retell.decoding import Body, UnsupportedEncoding
from pipeline.retell.failures import NotRetriable, Retriable

_DRAINED = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """The API's answer to a request, or why there is no answer that can be used.

    ``status`` is that of the last response, None when there was none. When the body is sound JSON,
    ``parsed`` holds it and ``reason`` is None; otherwise ``reason`` is a short phrase without payload text,
    and ``fault`` says what is wrong with the body, if one came. When it ``is_too_large``, ``body`` is only
    its beginning. ``is_absent`` is the API's word that what was asked for does not exist.
    """

    status: int | None
    body: bytes = field(default=b"", repr=False)
    parsed: ParsedBody | None = field(default=None, repr=False)
    fault: Malformed | None = field(default=None, repr=False)
    reason: str | None = None
    is_too_large: bool = False
    is_absent: bool = False


class BodyReader:
    """Reads response bodies of at most ``max_body_bytes``, and counts the bytes that come off the wire."""

    def __init__(self, max_body_bytes: int) -> None:
        self.received_bytes = 0
        self._max_body_bytes = max_body_bytes

    async def read(self, response: httpx.Response) -> Body:
        """Read a body to its end or its cap. Raises `NotRetriable` for an encoding that was not asked for."""
        try:
            body = Body(response.headers.get("content-encoding", ""), self._max_body_bytes)
        except UnsupportedEncoding as error:
            raise NotRetriable(str(error), response.status_code) from None
        async for raw in _pieces(response):
            self.received_bytes += len(raw)
            body.feed(raw)
            if body.is_too_large:
                break
        return body

    async def drain(self, response: httpx.Response, *, keeps: bool = False) -> bytes:
        """Read a body that nobody needs, as far as this is worth it.

        Returns what came, decoded up to the same size, if it ``keeps`` that; else nothing.
        """
        kept: Body | None = None
        with suppress(UnsupportedEncoding):
            kept = Body(response.headers.get("content-encoding", ""), _DRAINED) if keeps else None
        # An error page read to its end leaves the connection usable; a long one is not worth it. If it breaks
        # off, what the status and the headers said still holds.
        drained = 0
        with suppress(httpx.TransportError, OSError, Retriable):
            async for raw in _pieces(response):
                self.received_bytes += len(raw)
                drained += len(raw)
                if kept is not None and not kept.is_too_large:
                    kept.feed(raw)
                if drained > _DRAINED:
                    break
        return b"" if kept is None else kept.beginning()


def make_reply(body: Body) -> Reply:
    """Return the reply that the body of a 200 is. Raises `Retriable` for one that may have been cut."""
    try:
        whole = body.join()
    except Malformed as fault:
        return Reply(200, body.beginning(), fault=fault, reason=fault.reason, is_too_large=True)
    try:
        return Reply(200, whole, parse_body(whole))
    except Malformed as fault:
        if fault.is_syntax:
            # Without Content-Length a cut body looks complete until it is parsed.
            raise Retriable(fault.reason, status=200, body=whole, fault=fault) from None
        return Reply(200, whole, fault=fault, reason=fault.reason)


def _pieces(response: httpx.Response) -> AsyncIterable[bytes]:
    # As they came: httpx would decode without a cap, and its aiter_raw() refuses what a mock made whole.
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream
