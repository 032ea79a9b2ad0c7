"""What stands between a client and the API: encryption with a certificate of ours, proxies, absurd bodies."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MIB = 1024 * 1024

Greet = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[tuple[str, int] | None]]


class Relay:
    """Passes bytes between whoever connects and the target that `greet` finds out, in a thread of its own."""

    def __init__(self, greet: Greet, context: ssl.SSLContext | None = None) -> None:
        self._greet = greet
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more, and end what is under way."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            if (target := await self._greet(reader, writer)) is not None:
                there, back = await asyncio.open_connection(*target)
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
    finally:
        sink.transport.abort() if sink.transport.is_closing() else sink.close()


@contextmanager
def encrypted(target: str, certificate: Path) -> Iterator[Relay]:
    """Serve what stands at an http URL over https too, with a certificate and its key from one file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        return "127.0.0.1", int(target.rpartition(":")[2])

    relay = Relay(greet, context)
    try:
        yield relay
    finally:
        relay.close()


@contextmanager
def proxy() -> Iterator[tuple[Relay, list[str]]]:
    """Be an HTTP proxy; the list says what was asked of it, headers included."""
    asked: list[str] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        method, where, *_ = asked[-1].split()
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return None
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        host, _, port = where.rpartition(":")
        return host, int(port)

    relay = Relay(greet)
    try:
        yield relay, asked
    finally:
        relay.close()


def make_certificate(path: Path) -> None:
    """Write a certificate for this machine that signs itself, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


class _Absurd(BaseHTTPRequestHandler):
    """Answers ids that begin with `large` with 40 MB, and others with what unpacks to 256 MB."""

    protocol_version = "HTTP/1.1"
    bomb = gzip.compress(b'{"call_id": "' + b"x" * (256 * MIB), compresslevel=9)
    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """Answer."""
        call_id = self.path.rpartition("/")[2]
        self.asked[call_id] += 1
        with suppress(OSError):
            self.send_response(200)
            if call_id.startswith("large"):
                self.send_header("Content-Length", str(40 * MIB))
                self.end_headers()
                for _ in range(40):
                    self.wfile.write(b"[" * MIB)
            else:
                self.send_header("Content-Length", str(len(self.bomb)))
                self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(self.bomb)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def absurd_bodies() -> Iterator[tuple[str, Counter[str]]]:
    """Serve bodies that are far too large; yield where, and how often each id was asked for."""
    _Absurd.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Absurd)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", _Absurd.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
