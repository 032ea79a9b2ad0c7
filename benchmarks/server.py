"""An API that is never the limit: bodies made beforehand, real HTTP on loopback, in a process of its own.

Answers `GET /v2/get-call/{id}` and `/get-call/{id}` for ids made by `bodies.call_id`, as fast as a socket
takes them or each after a delay. It checks no key and knows no other status than 200 and 404.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bodies import Bodies

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
_ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def serving(delay_ms: float = 0) -> Iterator[str]:
    """Serve until the block ends; yields the base URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(delay_ms)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


class _Connection(asyncio.Protocol):
    def __init__(self, bodies: Bodies, delay_s: float) -> None:
        self._bodies = bodies
        self._delay_s = delay_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            path = self._received.split(b" ", 2)[1]
            self._received = self._received[end + 4 :]
            answer = self._answer(path.rpartition(b"/")[2])
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._transport.writelines, answer)
            else:
                self._transport.writelines(answer)

    def _answer(self, call_id: bytes) -> list[bytes]:
        try:
            body = self._bodies.body(call_id)
        except ValueError:
            return [_ABSENT]
        return [_HEAD % len(body), body]


async def _serve(delay_s: float) -> None:
    bodies = Bodies()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(bodies, delay_s), sock=listener)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
