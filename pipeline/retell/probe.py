"""Asks the API one question to which the answer is known, and says what came of it.

Invariant: one request, never repeated, with the key only where `BaseUrl` lets it go; the answer is nobody's
call, and what was found shows no key.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.request import getproxies

import httpx

from pipeline.process import signals
from pipeline.retell.base_url import BaseUrl
from pipeline.retell.failures import NotRetriable, read_transport_error, walk_causes
from pipeline.retell.http_client import make_headers, open_client

# No call has this id: those of the API are shorter and come from a generator.
NOBODYS_CALL = "doctor-asks-for-a-call-that-is-not-there"
_PATHS = {"auto": "/v2/get-call/", "v2": "/v2/get-call/", "v1": "/get-call/"}
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of asking: a status, or why there is none, as a kind of trouble and as a phrase.

    ``server_time`` is what the answer's Date header says and ``clock_ahead_s`` how many seconds this
    machine's clock is ahead of it; both None without one.
    """

    path: str
    status: int | None = None
    trouble: str | None = None
    reason: str | None = None
    duration_s: float = 0.0
    server_time: datetime | None = None
    clock_ahead_s: float | None = None
    is_json: bool = False


def probe(base_url: str, api_version: str, key: str | None, *, allow_http: bool = False) -> Probed:
    """Ask for a call that is not there; raise `ConfigurationError` for a base URL that cannot be used."""
    return signals.run(lambda: _probe(BaseUrl(base_url, allow_http=allow_http), _PATHS[api_version], key))


async def _probe(base_url: BaseUrl, path: str, key: str | None) -> Probed:
    request = httpx.Request("GET", base_url.join_path(path + NOBODYS_CALL), headers=make_headers(key))
    started = time.monotonic()
    try:
        async with asyncio.timeout(_TIMEOUT_S), open_client(base_url, timeout_s=_TIMEOUT_S) as client:
            response = await client.send(request, stream=True)
            # The body is nobody's business, and may be endless.
            await response.aclose()
            return _read_answer(path, response, time.monotonic() - started)
    except (httpx.TransportError, OSError, NotRetriable) as error:
        trouble, reason = _name_trouble(error)
        return Probed(path, trouble=trouble, reason=reason, duration_s=time.monotonic() - started)


def _read_answer(path: str, response: httpx.Response, duration_s: float) -> Probed:
    try:
        server_time = parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        server_time = None
    ahead_s = None
    if server_time is not None:
        # The header says whole seconds, at some moment between the question and the answer.
        ahead_s = datetime.now(UTC).timestamp() - duration_s / 2 - server_time.timestamp() - 0.5
    return Probed(
        path,
        status=response.status_code,
        duration_s=duration_s,
        server_time=server_time,
        clock_ahead_s=ahead_s,
        is_json="json" in response.headers.get("content-type", ""),
    )


def _name_trouble(error: Exception) -> tuple[str, str]:
    """Return the kind of trouble and a phrase, from what lies at the bottom of an error."""
    for cause in walk_causes(error):
        if isinstance(cause, socket.gaierror):
            return "name", "its name could not be resolved"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "certificate", f"its certificate was not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "tls", "no TLS connection could be made"
        if isinstance(cause, httpx.ProxyError):
            return "proxy", "the proxy refused or failed"
        if isinstance(cause, ConnectionRefusedError):
            return "refused", "the connection was refused"
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "timeout", f"no answer within {_TIMEOUT_S:.0f} s"
    return "network", error.reason if isinstance(error, NotRetriable) else read_transport_error(error).reason


def list_proxies() -> dict[str, str]:
    """Return the proxies that the environment names, by scheme, without user names and passwords."""
    return {
        scheme: url.rpartition("@")[2] if "@" in url else url.partition("//")[2] or url
        for scheme, url in getproxies().items()
        if scheme in ("http", "https", "all", "no")
    }
