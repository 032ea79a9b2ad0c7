"""Answers that break below HTTP: a connection reset, and a body that ends too early.

Invariant: the app returns only after its connection is gone, so the server has nothing to report about it.
"""

import asyncio
import os
import socket
import struct
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_STATE_KEY = "simulator.transport"
# On, with no time to linger: closing sends RST and drops what is unsent. Windows has shorts in this struct.
_RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class TransportProtocol(H11Protocol):
    """Uvicorn's protocol, which hands the app the transport of its own connection in the scope's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport for the requests of this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _STATE_KEY: transport}


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection before a byte is answered."""
    transport = _transport(scope)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await _wait_until_gone(receive)


async def cut(scope: Scope, receive: Receive, response: Response, *, with_length: bool) -> None:
    """Send the head and the first half of the body, then close; without a length the end looks regular."""
    transport = _transport(scope)
    headers = [
        (name, value) for name, value in response.raw_headers if with_length or name != b"content-length"
    ]
    headers.append((b"connection", b"close"))
    head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    body = bytes(response.body)
    # Past the server's HTTP machine, which would rightly refuse to send less than it announced.
    transport.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body[: len(body) // 2])
    transport.close()
    await _wait_until_gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope.get("state", {}).get(_STATE_KEY)
    if transport is None:
        raise RuntimeError("cut and reset answers need the simulator's own server below the app")
    return cast("asyncio.Transport", transport)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
