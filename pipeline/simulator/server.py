"""The simulator on a loopback port: in a thread for tests and the demo, or in the foreground.

Invariant: once stopped, no socket, task or thread of it is left, also with clients still connected.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from .account import Account
from .app import App, create_app
from .book import CallBook
from .faults import Faults
from .limits import Limits
from .requestlog import RequestLog
from .wire import TransportProtocol


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running server: where it is, the key it wants, and what it has been asked."""

    base_url: str
    api_key: str
    requests: RequestLog


@contextmanager
def running(
    served: Account | CallBook,
    *,
    api_key: str = "key_simulated",
    faults: Faults | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    delay_s: float = 0.0,
    listing_fault: str | None = None,
    limits: Limits | None = None,
) -> Iterator[Simulator]:
    """Serve an account or a book from a thread until the block ends; a port in use is an OSError."""
    requests = RequestLog()
    app = create_app(served, api_key, faults, delay_s, requests, listing_fault, limits)
    listener = _listen(host, port)
    started = threading.Event()
    server = _Server(app, started.set, has_own_date=limits is not None and limits.clock_ahead_s != 0)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
    base_url = _url(listener)
    thread.start()
    try:
        while not started.wait(0.05):
            if not thread.is_alive():
                raise RuntimeError("the simulator did not start")
        yield Simulator(base_url, api_key, requests)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def serve(
    book: CallBook,
    *,
    api_key: str,
    host: str,
    port: int,
    faults: Faults | None,
    delay_s: float,
    on_ready: Callable[[str], None],
    limits: Limits | None = None,
) -> RequestLog:
    """Serve a book until Ctrl-C, and return what was asked.

    ``on_ready`` is given the base URL once requests are accepted.
    """
    # A long run meets ever more calls, and nobody asks how often each was served.
    requests = RequestLog(per_call=False)
    app = create_app(book, api_key, faults, delay_s, requests, limits=limits)
    listener = _listen(host, port)
    base_url = _url(listener)
    try:
        _Server(app, lambda: on_ready(base_url)).run([listener])
    except KeyboardInterrupt:
        # Uvicorn has shut down in good order and raises the signal again for whoever wants to know.
        pass
    finally:
        listener.close()
    return requests


def _listen(host: str, port: int) -> socket.socket:
    """Bind here rather than in the server, whose answer to a port in use is to exit the process."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full, since asyncio sends without delay only on a socket that says it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # Elsewhere this option would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready, and that waits for no client when it stops."""

    def __init__(self, app: App, on_ready: Callable[[], None], *, has_own_date: bool = False) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TransportProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                # No logging configuration: the process it runs in has its own.
                log_config=None,
                log_level="warning",
                access_log=False,
                # An answer has one date: the app's where its clock is to be wrong.
                date_header=not has_own_date,
                # Longer than clients keep connections, so that none is closed as it is used again.
                timeout_keep_alive=120,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, drop every connection, and see their requests end; there is no one to wait for."""
        for server in self.servers:
            server.close()
        # Connections accepted a moment ago still become protocols; wait for these too.
        await asyncio.sleep(0.02)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # An aborted connection is lost on the loop's next turn, and its request ends with it.
        await asyncio.sleep(0.01)
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()
