"""The ways in which a request can fail, and what each error of httpx means.

    Retriable       may pass by itself: `retry` tries it again
    NotRetriable    asking again would bring the same

Invariant: a reason is a phrase chosen here or words of this machine's OpenSSL, as the text of an error may
quote bytes that the server sent.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from pipeline.payload.strict_json import Malformed

# The first match names a failure; the order is from the particular to the general.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (httpx.ConnectTimeout, "connecting timed out"),
    (httpx.TimeoutException, "timed out"),
    (TimeoutError, "timed out"),
    (httpx.ConnectError, "could not connect"),
    (httpx.ProxyError, "the proxy failed"),
    (httpx.RemoteProtocolError, "connection closed before the answer was complete"),
    (httpx.ProtocolError, "broken HTTP"),
)
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


class Retriable(Exception):
    """A failure that may pass by itself.

    ``reason`` is a short phrase without payload text; ``status`` the HTTP status when there was one;
    ``retry_after_s`` what the server asked for, in seconds, not capped yet; ``body`` what came, if it can
    be kept; ``fault`` what was wrong with it. ``is_attempt`` is False where no connection was made, or the
    account's limit refused: that counts as no attempt of its call.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        body: bytes = b"",
        fault: Malformed | None = None,
        is_attempt: bool = True,
    ) -> None:
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s
        self.body = body
        self.fault = fault
        self.is_attempt = is_attempt
        super().__init__(reason)


class NotRetriable(Exception):
    """What answered cannot have been the API, and asking again would not help; ``reason`` is a phrase."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        self.reason = reason
        self.status = status
        super().__init__(reason)


def read_transport_error(error: Exception) -> Retriable:
    """Return the `Retriable` for a timeout, a connect error, a reset or a protocol error of httpx."""
    reason = next((text for kind, text in _REASONS if isinstance(error, kind)), "connection broken")
    if not isinstance(error, _NOT_CONNECTED):
        return Retriable(reason)
    if any(isinstance(cause, socket.gaierror) for cause in walk_causes(error)):
        reason = "the name of the host cannot be resolved"
    return Retriable(reason, is_attempt=False)


def find_tls_problem(error: BaseException) -> str | None:
    """Return why no safe connection can be made, in words of OpenSSL; None for any other error of httpx."""
    for cause in walk_causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message.strip('.')}"
        if isinstance(cause, ssl.SSLError) and isinstance(error, httpx.ConnectError) and cause.reason:
            return f"TLS failed: {cause.reason.lower().replace('_', ' ')}"
    return None


def walk_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that led to it, the members of a group too."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from walk_causes(each)
        error = error.__cause__ or error.__context__
