"""What is not signed is refused at bounded cost, whatever it is, and the receiver goes on."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.receive import listen as listening
from pipeline.receive.journal import Journal
from pipeline.receive.listen import Server, listen
from pipeline.receive.numbers import Numbers
from pipeline.receive.segment import find_segments, read_segment
from pipeline.receive.server import MOST_BYTES, Receiver
from pipeline.receive.sources import Sources
from support.command_line import KEY
from support.webhooks import as_event, signed

BODY = as_event("call_ended", {"call_id": "call_1", "call_status": "ended"})


class Running:
    """A receiver in a thread, whose events can be read once it has stopped."""

    def __init__(self, folder: Path, port: int, numbers: Numbers) -> None:
        self.folder = folder
        self.port = port
        self.numbers = numbers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/retell"

    def post(self, body: bytes, headers: Any = None, **more: Any) -> int:
        with httpx.Client(timeout=20, trust_env=False) as http:
            return http.post(self.url, content=body, headers=headers, **more).status_code

    def raw(self, *pieces: bytes, then_close: bool = False) -> bytes:
        """Send bytes as they are, and return all that is answered until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    break  # it has been refused already
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while received := connection.recv(65536):
                    answer += received
            except ConnectionResetError:
                pass
            return answer

    def check_goes_on(self) -> None:
        assert self.post(BODY, signed(BODY)) == 204

    def counted(self, name: str) -> dict[str, float]:
        lines = self.numbers.as_text().decode()
        found = re.findall(rf'pipeline_receive_{name}_total{{\w+="([^"]*)"}} ([0-9.]+)', lines)
        return {label: float(value) for label, value in found}


@contextmanager
def running(folder: Path, sources: Sources | None = None, **more: Any) -> Iterator[Running]:
    listener = listen("127.0.0.1", 0)
    numbers = Numbers()
    ready = threading.Event()
    servers: list[Server] = []

    async def serve() -> None:
        journal = Journal(folder, "run", longest_s=1000, most_events=10**6)
        receiver = Receiver(journal, [KEY], "/retell", sources or Sources(), numbers, **more)
        servers.append(Server(receiver, ready.set))
        await servers[0].serve(sockets=[listener])
        await journal.close()

    import asyncio

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Running(folder, listener.getsockname()[1], numbers)
    finally:
        servers[0].should_exit = True
        thread.join(40)
        listener.close()
    assert not thread.is_alive()


def taken(folder: Path) -> list[bytes]:
    return [event.body for segment in find_segments(folder) for event in read_segment(segment.path).events]


def test_a_thousand_changed_requests_are_refused_and_none_is_an_error(tmp_path: Path) -> None:
    rng = random.Random(5)
    with running(tmp_path) as server, httpx.Client(timeout=20, trust_env=False) as http:
        statuses: dict[int, int] = {}
        for _ in range(1000):
            headers, body = signed(BODY), bytearray(BODY)
            [(name, value)] = headers.items()
            header = bytearray(value.encode())
            changed = rng.choice((body, header))
            place = rng.randrange(8 * len(changed))
            changed[place // 8] ^= 1 << place % 8
            given = [(name.encode(), bytes(header))]
            try:
                status = http.post(server.url, content=bytes(body), headers=given).status_code
            except (httpx.LocalProtocolError, httpx.RemoteProtocolError):
                continue  # no header that may be sent
            statuses[status] = statuses.get(status, 0) + 1
        server.check_goes_on()
    assert set(statuses) <= {400, 401}
    assert statuses[401] > 900
    assert taken(tmp_path) == [BODY]


SIGNATURE = ("x-retell-signature", signed(BODY)["x-retell-signature"])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [SIGNATURE, SIGNATURE],
        [("x-retell-signature", "")],
        [("x-retell-signature", "v=1,d=0")],
        [("x-retell-signature", "\u00e9" * 100)],
        [("x-retell-signature", "v" * 20_000)],
        [("x-retell-signature", signed(BODY, "key_of_others")["x-retell-signature"])],
        [("x-retell-signature", signed(BODY, at_ms=1)["x-retell-signature"])],
        [("authorization", f"Bearer {KEY}")],
    ],
    ids=range(9),
)
def test_what_is_not_signed_is_401_without_a_word(tmp_path: Path, headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    with running(tmp_path) as server, httpx.Client(timeout=20, trust_env=False) as http:
        answer = http.post(server.url, content=BODY, headers=raw)
        assert (answer.status_code, answer.content) == (401, b"")
        assert server.counted("requests_refused") == {"signature": 1.0}
    assert taken(tmp_path) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_and_paths_are_refused(tmp_path: Path, method: str) -> None:
    with running(tmp_path) as server, httpx.Client(timeout=20, trust_env=False) as http:
        assert http.request(method, server.url).status_code == 405
        # But for who asks whether events would arrive.
        expected = 204 if method == "GET" else 405
        assert http.request(method, server.url, headers=signed(b"")).status_code == expected
        assert http.request(method, server.url, headers=signed(b"", "key_of_others")).status_code == (
            401 if method == "GET" else 405
        )
        for path in ("/", "/retell/", "/retell/../retell", "/RETELL", "//retell", "/%72etell%00"):
            url = f"http://127.0.0.1:{server.port}{path}"
            assert http.post(url, content=BODY, headers=signed(BODY)).status_code in (204, 404)
        server.check_goes_on()
    assert set(taken(tmp_path)) == {BODY}


def test_a_body_beyond_the_limit_is_refused_before_or_while_it_comes(tmp_path: Path) -> None:
    large = b"x" * (MOST_BYTES + 1)
    with running(tmp_path) as server:
        head = b"POST /retell HTTP/1.1\r\nhost: x\r\n"
        said = server.raw(head + b"content-length: %d\r\n\r\n" % len(large))
        assert said.startswith(b"HTTP/1.1 413")
        chunks = (b"%x\r\n" % 2**20 + b"x" * 2**20 + b"\r\n" for _ in range(20))
        said = server.raw(head + b"transfer-encoding: chunked\r\n\r\n", *chunks)
        assert said.startswith(b"HTTP/1.1 413") or said == b""
        right = b"x" * MOST_BYTES
        assert server.post(right, signed(right)) == 204
        server.check_goes_on()


HEAD = b"POST /retell HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\r\n\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /retell HTTP/9.9\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n" + BODY,
        HEAD + b"content-length: 1e3\r\n\r\n" + BODY,
        HEAD + b"content-length: 3\r\ncontent-length: 4\r\n\r\n" + BODY,
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + BODY,
        HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n" + BODY,
        HEAD + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        HEAD + b"content-length: 1000\r\n\r\n" + BODY,
        HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
        HEAD + b"".join(b"x%d: y\r\n" % number for number in range(5000)) + b"\r\n",
        b"POST http://elsewhere.example/retell HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
        b"CONNECT elsewhere.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=range(17),
)
def test_odd_requests_are_refused_and_none_is_an_error(tmp_path: Path, request_bytes: bytes) -> None:
    with running(tmp_path, body_within_s=0.3) as server:
        said = server.raw(request_bytes, then_close=True)
        assert not re.search(rb"HTTP/1\.\d (2|500)", said), said
        server.check_goes_on()
    assert taken(tmp_path) == [BODY]


def test_who_sends_slowly_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_REQUEST_WITHIN_S", 0.3)
    with running(tmp_path, body_within_s=0.3) as server:
        # Nothing at all, a head that never ends, a body that never ends: each is closed by the receiver.
        assert server.raw() == b""
        assert server.raw(b"POST /retell HTTP/1.1\r\nhost: x\r\nx-retell") in (b"",)
        said = server.raw(HEAD + b"content-length: 100\r\n\r\nabc")
        assert said.startswith(b"HTTP/1.1 408")
        server.check_goes_on()


def test_requests_on_one_connection_are_answered_one_by_one(tmp_path: Path) -> None:
    header = signed(BODY)["x-retell-signature"].encode()
    one = HEAD + b"x-retell-signature: %s\r\ncontent-length: %d\r\n\r\n" % (header, len(BODY)) + BODY
    with running(tmp_path) as server:
        last = one.replace(b"host: x", b"host: x\r\nconnection: close")
        said = server.raw(one + one + last)
        assert said.count(b"HTTP/1.1 204") == 3
        assert server.raw(one.replace(b"HTTP/1.1", b"HTTP/1.0")).count(b" 204") == 1
    assert taken(tmp_path) == [BODY] * 4


@pytest.mark.parametrize(
    ("allowed", "proxies", "forwarded", "status"),
    [
        ("", "", None, 204),
        ("127.0.0.1", "", None, 204),
        ("127.0.0.0/8", "", None, 204),
        ("100.20.5.228", "", None, 403),
        ("100.20.5.228", "", "100.20.5.228", 403),
        ("100.20.5.228", "127.0.0.1", "100.20.5.228", 204),
        ("100.20.5.228", "127.0.0.1", "100.20.5.228, 6.6.6.6", 403),
        ("100.20.5.228", "127.0.0.1", "6.6.6.6, 100.20.5.228", 204),
        ("100.20.5.228", "127.0.0.1,10.0.0.0/8", "100.20.5.228, 10.1.2.3", 204),
        ("100.20.5.228", "127.0.0.1", "nonsense", 403),
        ("100.20.5.228", "127.0.0.1", None, 403),
        ("::ffff:100.20.5.228,100.20.5.228", "127.0.0.1", "::ffff:100.20.5.228", 204),
    ],
)
def test_whose_word_counts_on_the_sender(
    tmp_path: Path, allowed: str, proxies: str, forwarded: str | None, status: int
) -> None:
    sources = Sources.read(filter(None, allowed.split(",")), filter(None, proxies.split(",")))
    headers = signed(BODY) | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    with running(tmp_path, sources) as server:
        assert server.post(BODY, headers) == status


def test_numbers_are_told_to_this_machine_alone(tmp_path: Path) -> None:
    with running(tmp_path) as server, httpx.Client(timeout=20, trust_env=False) as http:
        server.check_goes_on()
        assert server.post(BODY) == 401
        url = f"http://127.0.0.1:{server.port}/metrics"
        said = http.get(url).text
        assert 'pipeline_receive_events_accepted_total{event="call_ended"} 1.0' in said
        assert 'pipeline_receive_requests_refused_total{reason="signature"} 1.0' in said
        assert http.get(url, headers={"X-Forwarded-For": "6.6.6.6"}).status_code == 404
        assert http.get(url, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_it_is_ready_only_where_events_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.receive import server as answering

    monkeypatch.setattr(answering, "_HEALTH_KEPT_S", 0.0)
    folder = tmp_path / "received"
    folder.write_text("in the way")
    with running(folder) as server, httpx.Client(timeout=20, trust_env=False) as http:
        health = f"http://127.0.0.1:{server.port}/healthz"
        assert http.get(health).status_code == 503
        refused = http.post(server.url, content=BODY, headers=signed(BODY))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        folder.unlink()
        server.check_goes_on()
        assert http.get(health).status_code == 200
    assert taken(folder) == [BODY]


def test_bodies_under_way_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.receive import server as answering

    monkeypatch.setattr(answering, "_MOST_BYTES_UNDER_WAY", 1_000_000)
    with running(tmp_path) as server:
        waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
        for connection in waiting:
            connection.sendall(HEAD + b"content-length: 400000\r\n\r\n" + b"x" * 300_000)
        _until(lambda: server.counted("requests_refused").get("busy", 0) >= 1)
        for connection in waiting:
            connection.close()
        _until(lambda: server.counted("requests_refused").get("gone", 0) >= 3)
        body = as_event("call_ended", {"call_id": "call_1", "x": "y" * 900_000})
        assert server.post(body, signed(body)) == 204


def _until(holds: Callable[[], bool]) -> None:
    from support.command_line import poll

    poll(holds)


def test_what_a_sender_writes_is_no_label(tmp_path: Path) -> None:
    body = json.dumps({"event": 'x"} 1\nevil 1', "call": {}}).encode()
    with running(tmp_path) as server:
        assert server.post(body, signed(body)) == 204
        assert server.counted("events_accepted") == {"other": 1.0}
