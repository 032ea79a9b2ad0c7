"""A receiver that runs takes what Retell's own library signs and nothing else, whatever it is sent."""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from retell.lib import webhook_auth

from pipeline.receive import listen as listening
from pipeline.receive.journal import Journal
from pipeline.receive.listen import Server, listen
from pipeline.receive.numbers import Numbers
from pipeline.receive.server import MOST_BYTES, Receiver
from pipeline.receive.sources import Sources
from support.command_line import KEY, Start, poll
from support.warehouse_files import query, warehouse_in
from support.webhooks import Receiving, as_event, receiving, signed, start_receiver

HEADER = "x-retell-signature"
BODY = as_event("call_ended", {"call_id": "call_1", "call_status": "ended", "from_number": "+491234567"})
FIVE_MINUTES_MS = 300_000
# What a receiver may take beside what it is sent, and what it is sent at a time.
BASE_MB, UNDER_WAY_MB = 250, 256


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def port_of(receiver: Receiving) -> int:
    return int(receiver.base_url.rpartition(":")[2])


def talk(port: int, *pieces: bytes, timeout_s: float = 5) -> bytes:
    """Send bytes as they are, close this side, and return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        answer = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.02)  # so that they come one after another
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65536):
                answer += received
        except OSError:
            pass
        return answer


def test_the_official_library_and_this_receiver_agree(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    keys = {"key_new": 204, "key_old": 204, "key_older": 401}
    shifts = {0: 204, 299_000: 204, -299_000: 204, 302_000: 401, -302_000: 401, 10**9: 401}
    with receiving(start, data, RETELL_WEBHOOK_KEY="key_new,key_old") as receiver:
        for key, status in keys.items():
            for shift, shifted in shifts.items():
                header = webhook_auth.symmetric["sign"](BODY.decode(), key, now_ms() + shift)
                sent = receiver.http.post(receiver.url, content=BODY, headers={HEADER: header})
                assert sent.status_code == max(status, shifted), (key, shift)
                assert sent.content == b""
        # Their library refuses what this one refuses.
        for key, at_ms in (("key_new", now_ms() - 400_000), ("key_older", now_ms())):
            header = signed(BODY, key, at_ms)[HEADER]
            assert not webhook_auth.symmetric["verify"](BODY.decode(), "key_new", header)
        assert webhook_auth.symmetric["verify"](
            BODY.decode(), "key_new", signed(BODY, "key_new", now_ms())[HEADER]
        )


def test_a_thousand_changes_are_refused_and_leave_no_trace(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    rng = random.Random(8)
    env = {"PIPELINE_LOG_LEVEL": "debug", "PIPELINE_LOG_FORMAT": "json"}
    statuses: dict[int | None, int] = {}
    with receiving(start, data, **env) as receiver:
        for number in range(1000):
            body, header = bytearray(BODY), bytearray(signed(BODY)[HEADER].encode())
            if number % 4 == 0:
                del body[rng.randrange(len(body)) :]
            else:
                changed = (body, header)[number % 2]
                place = rng.randrange(8 * len(changed))
                changed[place // 8] ^= 1 << place % 8
            try:
                status: int | None = receiver.http.post(
                    receiver.url, content=bytes(body), headers=[(HEADER.encode(), bytes(header))]
                ).status_code
            except (httpx.LocalProtocolError, httpx.RemoteProtocolError):
                status = None  # no header that a client may send
            statuses[status] = statuses.get(status, 0) + 1
        assert not [path for path in (data / "received").rglob("*") if path.is_file()]
        assert receiver.send(BODY) == 204
    assert set(statuses) <= {400, 401, None}
    assert statuses[401] > 900
    assert query(warehouse_in(data), "select count(*) from calls") == [(1,)]
    said = (receiver.process.out + receiver.process.err).encode()
    files = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert KEY.encode() not in said + files
    assert not re.search(rb"d=[0-9a-f]{64}", said + files)
    # The call's number is in its payload and in its rows, not in what is printed.
    assert b"+491234567" not in said
    for line in receiver.process.err.splitlines():
        json.loads(line)


HEAD = b"POST /retell HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
AS_CHUNK = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"


def length(number: object) -> bytes:
    return f"content-length: {number}\r\n".encode()


def test_no_trick_of_http_is_taken_for_an_event(start: Start, tmp_path: Path) -> None:
    """All of them with a right signature: it is how they are sent that is wrong."""
    data = tmp_path / "data"
    with receiving(start, data) as receiver:
        right = f"{HEADER}: {signed(BODY)[HEADER]}\r\n".encode()
        size = len(BODY)
        tricks = [
            [HEAD, right, CHUNKED, length(size), b"\r\n", AS_CHUNK],
            [HEAD, right, CHUNKED, CHUNKED, b"\r\n", AS_CHUNK],
            [HEAD, right, b"transfer-encoding: identity\r\n", length(size), b"\r\n", BODY],
            [HEAD, right, b"transfer-encoding: gzip, chunked\r\n\r\n", AS_CHUNK],
            [HEAD, right, CHUNKED, b"\r\n", b"%x\r\n" % size, BODY, b"zz\r\nmore"],
            [HEAD, right, CHUNKED, b"\r\n", b"%x\r\n" % (size + 1), BODY, b"\r\n0\r\n\r\n"],
            [HEAD, right, CHUNKED, b"\r\n", b"-1\r\n", BODY, b"\r\n0\r\n\r\n"],
            [HEAD, right, length("9" * 5000), b"\r\n", BODY],
            [HEAD, right, length("9" * 20), b"\r\n", BODY],
            [HEAD, right, length(f"+{size}"), b"\r\n", BODY],
            [HEAD, right, length(f"-{size}"), b"\r\n", BODY],
            [HEAD, right, length(hex(size)), b"\r\n", BODY],
            [HEAD, right, length(size), length(size + 1), b"\r\n", BODY],
            [HEAD, right, length(size - 1), b"\r\n", BODY],
            [HEAD, right, length(size + 1), b"\r\n", BODY],
            [HEAD, right, b"x: a\x00b\r\n", length(size), b"\r\n", BODY],
            [HEAD, right, right, length(size), b"\r\n", BODY],
            [HEAD, right, b"x: " + b"y" * 1_000_000 + b"\r\n", length(size), b"\r\n", BODY],
            [HEAD, right, *[b"x%d: y\r\n" % number for number in range(5000)], b"\r\n"],
            [b"POST /retell HTTP/1.1\r\n", right, length(size), b"\r\n", BODY],
            [b"POST /retell HTTP/1.0\r\n", right, b"\r\n", BODY],
            [b"POST /retell#x HTTP/1.1\r\nhost: x\r\n", right, length(size), b"\r\n", BODY],
            [b"POST /" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: x\r\n", right, length(size), b"\r\n", BODY],
            [b"POST http://x/other HTTP/1.1\r\nhost: x\r\n", right, length(size), b"\r\n", BODY],
            [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
            [b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"],
            [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
        ]
        for number, trick in enumerate(tricks):
            said = talk(port_of(receiver), b"".join(trick))
            assert not re.search(rb"HTTP/1\.\d (2|500)", said), (number, said)
        assert not [path for path in (data / "received").rglob("*") if path.is_file()]
        assert receiver.send(BODY) == 204
    assert receiver.process.err.count("\n") <= 4, receiver.process.err


def test_what_follows_an_answer_and_is_no_http_is_no_error(start: Start, tmp_path: Path) -> None:
    with receiving(start, tmp_path / "data") as receiver:
        for path in (b"/healthz", b"/metrics", b"/elsewhere"):
            head = b"GET %s HTTP/1.1\r\nhost: x\r\n" % path
            for more in (b"zz\r\nno chunk", b"5\r\nhel", b"\x00\x01\r\n\r\n"):
                said = talk(port_of(receiver), head + CHUNKED + b"\r\n", more)
                # None, where it was closed before this side had read it.
                assert said.count(b"HTTP/1.1") <= 1
                assert b" 500 " not in said
        assert receiver.send(BODY) == 204
    assert "Traceback" not in receiver.process.err
    assert receiver.process.err.count("\n") <= 4, receiver.process.err


def peak_mb(receiver: Receiving) -> float:
    status = Path(f"/proc/{receiver.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.mark.slow
def test_large_bodies_take_bounded_memory(start: Start, tmp_path: Path) -> None:
    """200 bodies of 16 MiB, 40 at a time, half of them with chunks and none signed."""
    statuses: list[int | None] = []
    with receiving(start, tmp_path / "data") as receiver:

        def send(count: int) -> None:
            with httpx.Client(timeout=60, trust_env=False) as http:
                for number in range(count):
                    pieces = (bytes(2**20) for _ in range(MOST_BYTES // 2**20))
                    content = pieces if number % 2 else bytes(MOST_BYTES)
                    try:
                        statuses.append(http.post(receiver.url, content=content).status_code)
                    except httpx.TransportError:
                        statuses.append(None)  # it was refused before all of it was sent

        threads = [threading.Thread(target=send, args=(5,)) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert receiver.send(BODY) == 204
        assert peak_mb(receiver) < BASE_MB + UNDER_WAY_MB
    assert len(statuses) == 200
    assert set(statuses) <= {401, 408, 503, None}


def test_it_writes_events_though_others_hold_all_connections_that_it_may_have(
    start: Start, tmp_path: Path
) -> None:
    received = tmp_path / "data" / "received"
    with receiving(start, tmp_path / "data", PIPELINE_RECEIVE_LOAD="1s") as receiver:
        resource.prlimit(receiver.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        assert receiver.send(BODY) == 204
        silent = [socket.create_connection(("127.0.0.1", port_of(receiver))) for _ in range(300)]
        for number in range(3):
            # Each in a segment of its own, with a connection that is there already.
            assert receiver.send(as_event("call_ended", {"call_id": f"call_{number}"})) == 204
            receiver.process.until(lambda: not [each for each in received.iterdir() if each.is_file()])
        for connection in silent:
            connection.close()
        with httpx.Client(trust_env=False) as http:
            poll(lambda: _answers(http, receiver))


def _answers(http: httpx.Client, receiver: Receiving) -> bool:
    try:
        return http.get(f"{receiver.base_url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_is_ready_again_once_there_is_room_without_an_event(start: Start, tmp_path: Path) -> None:
    """A load balancer that sends nothing to one that is not ready would else never send anything again."""
    with receiving(start, tmp_path / "data") as receiver:
        assert receiver.send(BODY) == 204
        _, hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        assert receiver.send(BODY) == 503
        health = f"{receiver.base_url}/healthz"
        poll(lambda: receiver.http.get(health).status_code == 503)
        resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        poll(lambda: receiver.http.get(health).status_code == 200)
        assert receiver.send(BODY) == 204


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, Server]]:
    """Run a receiver in a thread."""
    listener, ready, made = listen("127.0.0.1", 0), threading.Event(), []

    async def serve() -> None:
        journal = Journal(folder, "run", longest_s=1000, most_events=10**6)
        made.append(Server(Receiver(journal, [KEY], "/retell", Sources(), Numbers()), ready.set))
        await made[0].serve(sockets=[listener])
        await journal.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield listener.getsockname()[1], made[0]
    made[0].should_exit = True
    thread.join(40)
    listener.close()
    assert not thread.is_alive()


def test_who_reads_no_answers_holds_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_KEEP_ALIVE_S", 1)
    ask = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * 1000
    with serving(tmp_path) as (port, server), socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(1)
        with suppress(OSError):  # nothing more can be sent, or it was closed
            while True:
                connection.sendall(ask)
        poll(lambda: not server.server_state.connections)
        assert httpx.post(f"http://127.0.0.1:{port}/retell", content=BODY, headers=signed(BODY)).is_success


def test_a_folder_in_the_way_is_one_sentence_and_503(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    receiver = start_receiver(start, data)
    (data / "received").write_text("in the way")
    assert receiver.send(BODY) == 503
    assert receiver.http.get(f"{receiver.base_url}/healthz").status_code == 503
    (data / "received").unlink()
    assert receiver.send(BODY) == 204
    receiver.http.close()
    receiver.process.popen.terminate()
    ended = receiver.process.wait()
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    assert query(warehouse_in(data), "select count(*) from calls") == [(1,)]
