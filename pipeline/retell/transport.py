"""Carries requests over aiohttp's connections, and tells in httpx's terms what came or what went wrong.

Invariant: a request is sent once (retrying is `retry`'s alone), to the URL that was asked, with no header but
those given here, and no error that leaves quotes what the server sent.

httpx stays the vocabulary of errors, and its mock can stand in for the network; its own connections take
three times as long as aiohttp's for each request, and longer the more of them there are.
"""

from __future__ import annotations

import socket
import ssl
import urllib.request
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import httpx
from yarl import URL

from pipeline.errors import ConfigurationError

# httpx closes a connection that was idle for so long, before most servers do.
_IDLE_S = 5.0
_BUFFER = 256 * 1024
# What aiohttp would add by itself.
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# The first match counts; aiohttp's errors are each several kinds of error.
_IN_HTTPX: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientError, httpx.ReadError),
)


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose head has come: the ``pieces`` of its body are read once, as they come off the wire."""

    status_code: int
    headers: Mapping[str, str]
    pieces: AsyncIterable[bytes]
    close: Callable[[], Awaitable[None]]

    @property
    def has_redirect_location(self) -> bool:
        """Whether it says where else to ask."""
        return self.status_code in _REDIRECTS and "location" in self.headers


class Wire(Protocol):
    """What a client needs of a network."""

    async def ask(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, read_s: float
    ) -> Response:
        """Send a request; return the response as soon as its head has come, to be read and closed.

        ``url`` is encoded; ``read_s`` bounds each single read. Raises `httpx.TransportError` and OSError.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class TransportWire:
    """A transport of httpx as a wire, such as the mock that a test brings."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def ask(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, read_s: float
    ) -> Response:
        """Send a request; see `Wire`."""
        request = httpx.Request(
            method, url, headers=headers, content=content, extensions={"timeout": {"read": read_s}}
        )
        response = await self._transport.handle_async_request(request)
        # The stream itself rather than aiter_raw(), which refuses a response that a mock made whole.
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return Response(response.status_code, response.headers, response.stream, response.aclose)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class AiohttpWire:
    """Up to ``connections`` of them; belongs to the event loop of its first request.

    ``connect_s`` bounds each connect. With ``trust_env`` the environment may name a proxy for https. Raises
    `ConfigurationError` for a proxy that cannot be used.
    """

    def __init__(self, connections: int, *, connect_s: float, trust_env: bool) -> None:
        self._connections = connections
        self._connect_s = connect_s
        self._proxies = _proxies() if trust_env else {}
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, read_s: float
    ) -> Response:
        """Send a request; see `Wire`."""
        if self._session is None:
            self._session = self._opened()
        target = URL(url, encoded=True)
        try:
            response = await self._session.request(
                method,
                target,
                headers=headers,
                data=content,
                proxy=self._proxy_for(target),
                allow_redirects=False,
                skip_auto_headers=_unnamed(headers, content),
                timeout=_timeout(self._connect_s, read_s),
                ssl=_tls() if target.scheme == "https" else True,
            )
        except aiohttp.ClientError as error:
            raise _in_httpx(error) from _found_here(error)
        pieces = _Pieces(response)
        return Response(response.status, _Headers(response), pieces, pieces.aclose)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=_IDLE_S, ttl_dns_cache=60
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # It would also read a .netrc, for every request.
            trust_env=False,
            read_bufsize=_BUFFER,
        )
        # By itself it would ask once more when a connection breaks, and nobody would count that.
        session._retry_connection = False
        return session

    def _proxy_for(self, url: URL) -> str | None:
        if not self._proxies or url.scheme != "https" or urllib.request.proxy_bypass(url.host or ""):
            return None
        return self._proxies.get("https") or self._proxies.get("all")


class _Pieces:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._response.content.readany()
        except aiohttp.ClientError as error:
            raise _in_httpx(error) from _found_here(error)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        # A connection whose response was not read to its end is closed by that.
        self._response.release()


class _Headers(Mapping[str, str]):
    """By name, whatever its case; what came more than once is one list, as HTTP has it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._headers = response.headers

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._headers.getall(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name in self._headers))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _unnamed(headers: dict[str, str], content: bytes | None) -> list[str] | None:
    """Return the headers that are not to be sent; None, which is quicker, where all are given."""
    automatic = _AUTOMATIC if content is None else (*_AUTOMATIC, "Content-Type")
    return [name for name in automatic if name not in headers] or None


@cache
def _timeout(connect_s: float, read_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect_s, sock_read=read_s)


def _in_httpx(error: aiohttp.ClientError) -> httpx.TransportError:
    """Return the error in httpx's terms, without its text, which may quote the server."""
    return next(told for known, told in _IN_HTTPX if isinstance(error, known))("")


def _found_here(error: aiohttp.ClientError) -> Exception | None:
    """Return what the resolver or OpenSSL said, if that is why no connection could be made.

    Of the causes of an error only this is told, which this machine found out itself.
    """
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return cause if isinstance(cause, (socket.gaierror, ssl.SSLError)) else None


def _proxies() -> dict[str, str]:
    named = urllib.request.getproxies()
    proxies = {name: url if "://" in url else f"http://{url}" for name, url in named.items()}
    for name in ("https", "all"):
        if name in proxies and urlsplit(proxies[name]).scheme not in ("http", "https"):
            raise ConfigurationError(
                f"the proxy in {name.upper()}_PROXY is neither http:// nor https://: name another, or "
                "exempt the API's host in NO_PROXY"
            )
    return proxies


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes 30 ms.
    return httpx.create_ssl_context()
