"""Opens the HTTP client: the one place that decides on connections, proxies, certificates and headers.

Invariant: a request goes out once, as it was made. No redirect is followed here and nothing is sent again, no
cookie is kept, no .netrc is read, and the environment names a proxy for https only.

The connections are httpx's own, each in a pool of its own, because a pool looks through all of its
connections for every request, once for each of them. CPU in ms for a request of 59 KB, measured in turns on
one machine with 16 and 64 requests under way: 0.59 and 0.65 so, 1.8 and 7.7 with one pool, 0.42 and 0.49 over
the package httpx-aiohttp, 0.13 and 0.16 over aiohttp without httpx. httpx-aiohttp sends a GET again when a
connection breaks, and reports what broke after the request was sent as a failure to connect.
"""

from __future__ import annotations

import re
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable
from functools import cache

import httpx

from pipeline import __version__
from pipeline.errors import ConfigurationError
from pipeline.retell.base_url import BaseUrl, read_location
from pipeline.retell.failures import find_tls_problem

_SENDABLE_KEY = re.compile(r"[!-~]+\Z")
# A connection that was idle for longer is not used again: most servers close it soon after that.
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=5.0)


def open_client(
    base_url: BaseUrl, *, timeout_s: float, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Return a client for requests below ``base_url``, to be closed; it belongs to one event loop.

    ``timeout_s`` bounds each single connect, read and write; ``transport`` takes the place of the network.
    Raises `ConfigurationError` for a proxy that cannot be used.
    """
    mounts: dict[str, httpx.AsyncBaseTransport] = {}
    if transport is None:
        proxy = find_proxy(base_url)
        transport = SeparateConnections(_open_plain)
        mounts["https://"] = SeparateConnections(lambda: _open_encrypted(proxy))
    return _Client(
        transport=transport,
        mounts=mounts,
        timeout=timeout_s,
        follow_redirects=False,
        trust_env=False,
        event_hooks={"response": [_check_location]},
    )


def make_headers(api_key: str | None) -> dict[str, str]:
    """Return the headers of every request; raise `ConfigurationError` for a key that no header can carry."""
    headers = {
        "Accept": "application/json",
        # Only what can be decoded under a cap.
        "Accept-Encoding": "gzip",
        "User-Agent": f"call-analytics-pipeline/{__version__}",
    }
    if api_key is not None:
        # Checked here because httpx would quote the key in its own error.
        if not _SENDABLE_KEY.match(api_key):
            raise ConfigurationError("RETELL_API_KEY is empty or holds a blank or a character outside ASCII")
        headers["Authorization"] = f"Bearer {api_key}"
    return headers


def find_proxy(base_url: BaseUrl) -> httpx.Proxy | None:
    """Return the proxy that the environment names for a base URL.

    Raises `ConfigurationError` for one that cannot be used.
    """
    # Over plain http a proxy would see the key.
    if not base_url.is_encrypted or urllib.request.proxy_bypass(base_url.host):
        return None
    named = urllib.request.getproxies()
    name = next((name for name in ("https", "all") if named.get(name)), None)
    if name is None:
        return None
    url = named[name] if "://" in named[name] else f"http://{named[name]}"
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigurationError(
            f"the proxy in {name.upper()}_PROXY is neither http:// nor https://: name another, or exempt the "
            "API's host in NO_PROXY"
        )
    try:
        is_encrypted = url.lower().startswith("https:")
        return httpx.Proxy(url, ssl_context=_load_certificates() if is_encrypted else None)
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(
            f"the proxy in {name.upper()}_PROXY is not a URL: correct it, or exempt the API's host in "
            "NO_PROXY"
        ) from None


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep nothing of what a server sets: even looking for it costs 0.05 ms a request."""


class _Client(httpx.AsyncClient):
    cookies = _NoCookies()  # type: ignore[override]  # nobody sets it


class SeparateConnections(httpx.AsyncBaseTransport):
    """Gives each request under way a transport of one connection, opening one more only when none is free."""

    def __init__(self, open_transport: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._open_transport = open_transport
        self._opened: list[httpx.AsyncBaseTransport] = []
        self._free: list[httpx.AsyncBaseTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over a free connection, which is free again when the response is closed."""
        if self._free:
            transport = self._free.pop()
        else:
            transport = self._open_transport()
            self._opened.append(transport)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            self._free.append(transport)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _BorrowedStream(response.stream, lambda: self._free.append(transport))
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._opened:
            await transport.aclose()


class _BorrowedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._give_back()


class _ProxiedTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            # TLS is made with the API, through the proxy; all else that is connected to is the proxy.
            if find_tls_problem(error) is not None:
                raise
        # Outside of the block above, so that the name of the proxy is not taken for that of the API.
        raise httpx.ProxyError("")


def _open_plain() -> httpx.AsyncBaseTransport:
    # Of all that speaks TLS this context trusts nobody, and costs nothing: reading certificates takes 30 ms.
    return httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), limits=_ONE_CONNECTION)


def _open_encrypted(proxy: httpx.Proxy | None) -> httpx.AsyncBaseTransport:
    if proxy is None:
        return httpx.AsyncHTTPTransport(verify=_load_certificates(), limits=_ONE_CONNECTION)
    return _ProxiedTransport(verify=_load_certificates(), limits=_ONE_CONNECTION, proxy=proxy)


@cache
def _load_certificates() -> ssl.SSLContext:
    """Return what to trust: SSL_CERT_FILE and SSL_CERT_DIR where they are set."""
    return httpx.create_ssl_context()


async def _check_location(response: httpx.Response) -> None:
    # httpx reads a Location that it does not follow, and reports one that is no URL as a broken connection.
    if response.has_redirect_location:
        read_location(response)
