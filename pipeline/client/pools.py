"""Keeps the connections to the API.

Invariant: the cost of a request does not grow with the number of requests under way.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx

from pipeline import __version__

_POOL_SIZE = 4


class Pools:
    """Enough connections for ``concurrency`` requests at a time; a pool is taken for each and given back.

    ``trust_env`` lets the environment name a proxy; ``timeout_s`` bounds each single read, write and connect.
    """

    def __init__(
        self,
        concurrency: int,
        *,
        transport: httpx.AsyncBaseTransport | None,
        timeout_s: float,
        trust_env: bool,
    ) -> None:
        # httpx looks at every connection of a pool for each request: one pool of 64 is slower than one of 4.
        # Small pools, one of which goes with each slot, keep the cost of a request flat.
        count = 1 if transport else -(-concurrency // _POOL_SIZE)
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
                timeout=timeout_s,
                limits=httpx.Limits(max_connections=_POOL_SIZE, max_keepalive_connections=_POOL_SIZE),
                follow_redirects=False,
                trust_env=trust_env,
            )
            for _ in range(count)
        ]
        self._free = [self._pools[number % count] for number in range(concurrency)]

    def take(self) -> httpx.AsyncClient:
        """Return a pool with a connection to spare; whoever holds a slot finds one."""
        return self._free.pop()

    def give_back(self, pool: httpx.AsyncClient) -> None:
        """Let the next request have the connection."""
        self._free.append(pool)

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools:
            await pool.aclose()


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes 30 ms, too long for each of the pools.
    return httpx.create_ssl_context()
