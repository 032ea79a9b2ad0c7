"""The client against a real HTTP server on loopback whose behaviour is chosen by the call id."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pipeline.errors import KeyRefused, NoConnection
from pipeline.retell.answer import Answer
from pipeline.retell.client import CallsClient
from pipeline.retell.retry import RetryPolicy

KEY = "key_4f1d2c"
NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MIB = 1024 * 1024
DOCUMENT = {"call_id": "x", "words": [{"word": f"w{index}", "start": index / 10} for index in range(400)]}
BODY = json.dumps(DOCUMENT).encode()
BOMB = gzip.compress(b'{"a": "' + b"x" * (64 * MIB) + b'"}', compresslevel=9)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    connection: int


Write = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[["Server", Request, int, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers GET on loopback; `behaviours` by the last part of the path, else 404."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    elsewhere: str = ""
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        self.connections += 1
        connection = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                request = Request(first.split()[1], headers, connection)
                self.requests.append(request)
                behaviour = BEHAVIOURS.get(request.path.rpartition("/")[2], absent)
                await behaviour(self, request, self.count(request.path), writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        await listener.wait_closed()


def respond(writer: asyncio.StreamWriter, status: int, body: bytes = b"", *headers: str) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode() + body)


async def absent(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 404, b'{"status": 404}')


async def good(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 200, BODY)


async def only_v1(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 404 if request.path.startswith("/v2/") else 200, BODY)


async def chunked(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(BODY), 1000):
        piece = BODY[start : start + 1000]
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    writer.write(b"0\r\n\r\n")


async def packed(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    assert request.headers["accept-encoding"] == "gzip"
    respond(writer, 200, gzip.compress(BODY), "Content-Encoding: gzip")


async def bomb(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 200, BOMB, "Content-Encoding: gzip")


async def cut_with_length(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:5000])
    writer.close()


async def cut_without_length(
    server: Server, request: Request, times: int, writer: asyncio.StreamWriter
) -> None:
    body = BODY if times > 1 else BODY[:5000]
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
    writer.close()


async def cut_gzip(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    body = gzip.compress(BODY)
    body = body if times > 1 else body[:500]
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + body)
    writer.close()


async def reset(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    # A linger of 0 s makes closing send RST.
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    writer.close()


async def not_http(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    writer.write(b"220 mail.test ESMTP\r\n\r\n")
    writer.close()


async def drip(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def silent(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    await asyncio.Event().wait()


async def throttled(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    date = format_datetime(NOW + timedelta(seconds=17), usegmt=True)
    respond(writer, 429, b"slow down", f"Retry-After: {date}")


async def cut_error(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    if times > 1:
        return respond(writer, 200, BODY)
    writer.write(b"HTTP/1.1 503 X\r\nRetry-After: 3\r\nContent-Length: 1000\r\n\r\nsorry")
    writer.close()


async def refused(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 401, b"who are you")


async def move_here(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 302, b"", "Location: /moved/good")


async def move_away(server: Server, request: Request, times: int, writer: asyncio.StreamWriter) -> None:
    respond(writer, 302, b"", f"Location: {server.elsewhere}/v2/get-call/good")


BEHAVIOURS: dict[str, Behaviour] = {
    behaviour.__name__: behaviour
    for behaviour in (
        good, only_v1, chunked, packed, bomb, cut_with_length, cut_without_length, cut_gzip, reset, hang_up,
        not_http, drip, silent, throttled, cut_error, refused, move_here, move_away,
    )
}  # fmt: skip


class Slept(list[float]):
    """Seconds that would have been slept."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)


def client_of(server: Server, **options: Any) -> CallsClient:
    # Waits are only noted, and the clock stands still, so that no test depends on how fast it runs.
    settings = {
        "base_url": server.url,
        "api_key": KEY,
        "sleep": Slept().sleep,
        "clock": lambda: 0.0,
        **options,
    }
    return CallsClient(now=lambda: NOW, rng=lambda: 1.0, **settings)


def ask(call_id: str, **options: Any) -> Answer:
    async def scenario() -> Answer:
        async with serving() as server, client_of(server, **options) as client:
            return await client.get_call(call_id)

    return asyncio.run(scenario())


@pytest.mark.parametrize("call_id", ["good", "chunked", "packed"])
def test_a_payload_arrives_byte_for_byte(call_id: str) -> None:
    answer = ask(call_id)
    assert answer.parsed is not None
    assert (answer.status, answer.attempts, answer.body) == ("found", 1, BODY)
    assert answer.parsed.document == DOCUMENT


@pytest.mark.parametrize(
    "call_id",
    ["cut_with_length", "cut_without_length", "cut_gzip", "reset", "hang_up", "not_http", "cut_error"],
)
def test_what_breaks_off_is_asked_for_again(call_id: str) -> None:
    answer = ask(call_id)
    assert (answer.status, answer.attempts, answer.body) == ("found", 2, BODY)


@pytest.mark.parametrize(
    ("call_id", "reason"),
    [
        ("cut_with_length", "connection closed before the answer was complete after 1 attempt"),
        ("not_http", "connection closed before the answer was complete after 1 attempt"),
        ("cut_gzip", "cut body after 1 attempt"),
        ("reset", "connection broken after 1 attempt"),
        ("cut_error", "HTTP 503 after 1 attempt"),
    ],
)
def test_what_broke_off_for_good_is_named(call_id: str, reason: str) -> None:
    answer = ask(call_id, policy=RetryPolicy(max_attempts=1))
    assert (answer.status, answer.reason) == ("failed", reason)


@pytest.mark.parametrize("call_id", ["reset", "hang_up", "cut_with_length", "not_http"])
def test_an_attempt_is_one_request_on_a_connection_that_was_used_before_too(call_id: str) -> None:
    async def scenario() -> None:
        once = RetryPolicy(max_attempts=1)
        async with serving() as server, client_of(server, concurrency=1, policy=once) as client:
            assert (await client.get_call("good")).status == "found"
            answer = await client.get_call(call_id)
            assert (answer.status, answer.attempts) == ("failed", 1)
            assert server.connections == 1
            assert server.count(f"/v2/get-call/{call_id}") == 1
            assert client.stats.requests == 2
            assert (await client.get_call("good")).status == "found"

    asyncio.run(scenario())


def test_a_cut_body_without_a_length_is_never_taken_for_a_payload() -> None:
    answer = ask("cut_without_length", policy=RetryPolicy(max_attempts=1))
    assert (answer.status, answer.body) == ("malformed", BODY[:5000])
    assert answer.fault is not None
    assert answer.fault.is_syntax


def test_the_deadline_ends_a_slow_drip() -> None:
    answer = ask("drip", request_timeout_s=30, deadline_s=0.2)
    assert answer.status == "found"
    assert answer.attempts > 1
    answer = ask("drip", request_timeout_s=30, deadline_s=0.2, policy=RetryPolicy(max_attempts=1))
    assert (answer.status, answer.reason) == ("failed", "timed out after 1 attempt")


def test_the_request_timeout_ends_silence() -> None:
    answer = ask("silent", request_timeout_s=0.2, deadline_s=30)
    assert answer.status == "found"
    assert answer.attempts > 1


def test_connections_ended_by_the_deadline_are_not_used_up() -> None:
    async def scenario() -> list[str]:
        async with serving() as server, client_of(server, concurrency=2, deadline_s=0.2) as client:
            once = [client.get_call("drip"), client.get_call("silent"), client.get_call("good")]
            answers = await asyncio.gather(*once)
            answers += await asyncio.gather(*(client.get_call("good") for _ in range(10)))
            return [answer.status for answer in answers]

    assert asyncio.run(scenario()) == ["found"] * 13


def test_a_port_where_nobody_listens_is_named() -> None:
    async def scenario() -> None:
        async with serving() as server:
            client = client_of(server)
        async with client:
            with pytest.raises(NoConnection, match=r"127\.0\.0\.1:\d+ \(could not connect; tried 4 times\)"):
                await client.get_call("good")

    asyncio.run(scenario())


def test_a_gzip_bomb_stays_under_the_cap_in_memory() -> None:
    tracemalloc.start()
    try:
        answer = ask("bomb", max_body_bytes=2 * MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status, answer.reason, len(answer.body)) == ("malformed", "larger than 2 MiB", MIB)
    assert peak < 10 * MIB


def test_retry_after_date_is_honoured() -> None:
    slept = Slept()
    answer = ask("throttled", sleep=slept.sleep)
    # A refusal that says when to come back is no attempt.
    assert (answer.status, answer.attempts) == ("found", 1)
    assert slept == [17]


def test_a_status_keeps_its_retry_after_when_its_body_is_cut() -> None:
    slept = Slept()
    ask("cut_error", sleep=slept.sleep)
    assert slept == [3]


def test_the_key_and_the_payload_are_in_no_log_of_any_library(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask("good")
    ask("not_http")
    assert "httpcore" in caplog.text, "the log of the connections was looked at"
    assert KEY not in caplog.text
    assert "w399" not in caplog.text


def test_a_refused_key_stops_at_once() -> None:
    with pytest.raises(KeyRefused):
        ask("refused")


def test_a_redirect_to_the_same_origin_is_followed_with_the_key() -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server) as client:
            assert (await client.get_call("move_here")).status == "found"
            assert [request.path for request in server.requests] == ["/v2/get-call/move_here", "/moved/good"]
            assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2

    asyncio.run(scenario())


def test_a_redirect_to_another_origin_never_reaches_it() -> None:
    async def scenario() -> None:
        async with serving() as server, serving() as other, client_of(server) as client:
            for host in ("127.0.0.1", "localhost"):
                server.elsewhere = f"http://{host}:{other.port}"
                answer = await client.get_call("move_away")
                assert (answer.status, answer.http_status, answer.attempts) == ("failed", 302, 1)
                assert answer.reason is not None
                assert f"{host}:{other.port}" in answer.reason
                assert "RETELL_BASE_URL" in answer.reason
            assert other.requests == []
            assert other.connections == 0

    asyncio.run(scenario())


def test_the_version_is_found_out_once() -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server) as client:
            assert (await client.get_call("absent")).status == "not_found"
            assert client.stats.api_version is None
            assert (await client.get_call("only_v1")).status == "found"
            assert client.stats.api_version == "v1"
            assert (await client.get_call("absent")).status == "not_found"
            assert [request.path for request in server.requests] == [
                "/v2/get-call/absent",
                "/get-call/absent",
                "/v2/get-call/only_v1",
                "/get-call/only_v1",
                "/get-call/absent",
            ]

    asyncio.run(scenario())


def test_connections_are_reused_after_errors_too() -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server, concurrency=1) as client:
            for call_id in ("good", "absent", "throttled", "packed", "good"):
                await client.get_call(call_id)
            assert server.connections == 1

    asyncio.run(scenario())


def test_many_calls_at_once_use_no_more_connections_than_allowed() -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server, concurrency=8) as client:
            answers = await asyncio.gather(*(client.get_call("good") for _ in range(200)))
            assert {answer.status for answer in answers} == {"found"}
            assert server.connections <= 8

    asyncio.run(scenario())
