"""Listens for events over HTTP until it is told to stop, with what bounds what a sender can hold up.

Invariant: a connection on which no request begins is closed within seconds, and what was accepted when it was
told to stop is answered for.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.errors import UsageError

_REQUEST_WITHIN_S = 10.0
_KEEP_ALIVE_S = 75
_MOST_CONNECTIONS = 2000
# What a process may open beside connections: segments, the data folder, passing on.
_OTHER_FILES = 64
_LONGEST_HEADERS = 32 * 1024
_STOP_WITHIN_S = 30


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which no whole request head has come for a while, and one of too many.

    It is closed at once: else what its sender does not read keeps it open for as long as the sender likes.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS or _has_few_files_left(transport):
            # Where a process can open no more files, it cannot write events either.
            transport.abort()
            return
        self._wait(_REQUEST_WITHIN_S)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; where an answer was given before that came, close without a word."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait(_KEEP_ALIVE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        answered = self.cycle
        self._waiting = self.loop.call_later(seconds, self._close_unless_asked, answered)

    def _close_unless_asked(self, answered: Any) -> None:
        # Another cycle is another request, which has limits of its own.
        if self.cycle is answered:
            self.transport.abort()


class Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals to whoever started it."""

    def __init__(self, app: Any, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=ImpatientProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                # No logging configuration: the process has its own.
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STOP_WITHIN_S,
                h11_max_incomplete_event_size=_LONGEST_HEADERS,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()


def _has_few_files_left(transport: asyncio.Transport) -> bool:
    """Return whether a connection is among the last files that this process may open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # A file has the lowest number that is free.
    number: int = transport.get_extra_info("socket").fileno()
    return limit != resource.RLIM_INFINITY and number >= limit - _OTHER_FILES


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise UsageError for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as refused:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port} ({refused.strerror or refused}): choose another with --host or "
            "--port"
        ) from None
    return listener
