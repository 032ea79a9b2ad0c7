"""The simulated API over real loopback connections."""

import asyncio
import gzip
import json
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from pipeline.simulator import CallBook, Faults, Limits, Simulator, Window, create_app, running, serve

BOOK = CallBook(count=120, until=datetime(2025, 3, 14, 18, tzinfo=UTC), broken_share=0.1)
STATUS_KINDS = {
    "rate_limited": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "gateway_timeout": 504,
    "request_timeout": 408,
    "too_early": 425,
    "conflict": 409,
}


@pytest.fixture(autouse=True)
def _no_noise(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING)
    yield
    assert not caplog.records


def client(server: Simulator, timeout: float = 5.0) -> httpx.Client:
    return httpx.Client(
        base_url=server.base_url,
        headers={"authorization": f"Bearer {server.api_key}"},
        timeout=timeout,
        trust_env=False,
    )


def faulty(kind: str, **options: float) -> Faults:
    return Faults(share=1, kinds=(kind,), **options)  # type: ignore[arg-type]


def test_every_call_is_served_byte_for_byte() -> None:
    with running(BOOK) as server, client(server) as http:
        call_ids = list(BOOK.call_ids())[-40:]
        for call_id in call_ids:
            response = http.get(f"/get-call/{call_id}")
            assert response.status_code == 200
            assert response.content == BOOK.body(call_id)
        assert server.requests.total == 40
        assert server.requests.served == dict.fromkeys(call_ids, 1)


def test_bodies_are_json_except_the_broken_page() -> None:
    with running(BOOK) as server, client(server) as http:
        for index in range(40):
            content_type = http.get(f"/get-call/{BOOK.call_id(index)}").headers["content-type"]
            assert content_type.startswith(
                "text/html" if BOOK.breakage(index) == "html" else "application/json"
            )


def test_bodies_are_plain_unless_gzip_is_accepted() -> None:
    with running(BOOK) as server, client(server) as http:
        for accepted in ("identity", "", "gzip;q=0", "br"):
            response = http.get(f"/get-call/{BOOK.call_id(3)}", headers={"accept-encoding": accepted})
            assert "content-encoding" not in response.headers
            assert response.content == BOOK.body(BOOK.call_id(3))


def test_bodies_are_compressed_when_gzip_is_accepted() -> None:
    with running(BOOK) as server, client(server) as http:
        request = http.build_request(
            "GET", f"/get-call/{BOOK.call_id(3)}", headers={"accept-encoding": "br, GZip"}
        )
        response = http.send(request, stream=True)
        raw = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == BOOK.body(BOOK.call_id(3))
        assert int(response.headers["content-length"]) == len(raw)


def test_a_missing_or_wrong_key_is_unauthorized() -> None:
    wrong = ("", "Bearer", "Bearer wrong", "Basic key_simulated", "key_simulated", "Bearer key_simulated2")
    with running(BOOK) as server, httpx.Client(base_url=server.base_url, trust_env=False) as http:
        for headers in ({}, *({"authorization": value} for value in wrong)):
            response = http.get(f"/get-call/{BOOK.call_id(0)}", headers=headers)
            assert response.status_code == 401
            assert response.json()["status"] == "error"
        assert server.requests.by_status == {401: 7}
        assert not server.requests.served


def test_unknown_ids_and_paths_are_not_found() -> None:
    with running(BOOK) as server, client(server) as http:
        unknown = BOOK.unknown_ids(1)[0]
        paths = (
            f"/get-call/{unknown}",
            "/get-call/",
            "/",
            f"/v2/get-call/{BOOK.call_id(0)}",
            "/get-call/a/b",
        )
        for path in paths:
            response = http.get(path)
            assert response.status_code == 404
            assert response.json()["message"]
        assert http.post(f"/get-call/{BOOK.call_id(0)}").status_code == 404
        assert server.requests.by_call[unknown] == 1
        assert server.requests.by_status == {404: 6}


def test_every_kind_of_fault_happens_once_and_then_the_call_is_served() -> None:
    faults = Faults(share=1, slow_s=0.01)
    sound = CallBook(count=24, until=BOOK.until)
    seen = set()
    with running(sound, faults=faults) as server, client(server) as http:
        for index, call_id in enumerate(sound.call_ids()):
            kind = faults.kind(index)
            seen.add(kind)
            body = None
            try:
                response = http.get(f"/get-call/{call_id}")
                body = response.content
                assert response.status_code == STATUS_KINDS.get(kind or "", 200)
            except httpx.TransportError:
                assert kind in ("cut_body", "reset")
            assert (body == sound.body(call_id)) == (kind == "slow")
            assert http.get(f"/get-call/{call_id}").content == sound.body(call_id)
        assert len(seen) == 12
        assert all(
            server.requests.served[i] == 1 + (faults.kind(n) == "slow")
            for n, i in enumerate(sound.call_ids())
        )


def test_a_fault_repeats_as_often_as_asked_and_never_again() -> None:
    call_id = BOOK.call_id(0)
    with running(BOOK, faults=faulty("conflict", repeats=3)) as server, client(server) as http:
        statuses = [http.get(f"/get-call/{call_id}").status_code for _ in range(6)]
    assert statuses == [409, 409, 409, 200, 200, 200]


def test_faults_begin_anew_on_another_server() -> None:
    faults = faulty("server_error")
    for _ in range(2):
        with running(BOOK, faults=faults) as server, client(server) as http:
            assert http.get(f"/get-call/{BOOK.call_id(0)}").status_code == 500


def test_unauthorized_and_unknown_requests_use_up_no_fault() -> None:
    with running(BOOK, faults=faulty("server_error")) as server, client(server) as http:
        url = f"/get-call/{BOOK.call_id(0)}"
        assert http.get(url, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert http.get(f"/get-call/{BOOK.unknown_ids(1)[0]}").status_code == 404
        assert http.get(url).status_code == 500


def test_rate_limits_say_when_to_come_back_in_seconds_or_as_a_date() -> None:
    values = set()
    with running(BOOK, faults=faulty("rate_limited", retry_after_s=1)) as server, client(server) as http:
        for index in range(10):
            value = http.get(f"/get-call/{BOOK.call_id(index)}").headers["retry-after"]
            values.add("date" if value.endswith(" GMT") else value)
    assert values == {"date", "1"}


def test_a_reset_arrives_before_any_byte() -> None:
    with running(BOOK, faults=faulty("reset")) as server:
        with socket.create_connection(_address(server)) as connection:
            connection.sendall(_request(server, BOOK.call_id(0)))
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        assert server.requests.by_status == {0: 1}
        assert not server.requests.served


def test_a_cut_body_is_shorter_than_announced() -> None:
    with running(BOOK, faults=faulty("cut_body")) as server:
        head, body = _read_all(server, BOOK.call_id(1))
        announced = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        assert 0 < len(body) < announced == len(BOOK.body(BOOK.call_id(1)) or b"")
        assert not server.requests.served


def test_a_body_cut_without_length_looks_complete_to_http() -> None:
    sound = CallBook(count=120, until=BOOK.until)
    with running(sound, faults=faulty("cut_body_without_length")) as server:
        head, body = _read_all(server, sound.call_id(1))
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"content-length" not in head
        assert b"chunked" not in head
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
        assert not server.requests.served


def test_a_client_that_gives_up_on_a_slow_answer_is_served_on_the_next_try() -> None:
    call_id = BOOK.call_id(0)
    with running(BOOK, faults=faulty("slow", slow_s=60)) as server:
        with client(server, timeout=0.05) as http, pytest.raises(httpx.ReadTimeout):
            http.get(f"/get-call/{call_id}")
        with client(server) as http:
            assert http.get(f"/get-call/{call_id}").status_code == 200
        assert server.requests.by_call[call_id] == 2
        assert server.requests.served[call_id] == 1


def test_a_limit_refuses_what_is_beyond_it_and_counts_that() -> None:
    limits = Limits(general=Window(3, 600), listing=Window(1, 600))
    with running(BOOK, limits=limits) as server, client(server) as http:
        call_id = BOOK.call_id(0)
        answers = [http.get(f"/get-call/{call_id}") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
        assert answers[4].headers["X-RateLimit-Limiter"] == "general"
        pages = [http.post("/v3/list-calls", json={}) for _ in range(2)]
        assert [page.status_code for page in pages] == [200, 429]
        assert pages[1].headers["X-RateLimit-Limiter"] == "list"
        assert server.requests.refusals == {"general": 2, "list": 1}
        assert server.requests.by_status == {200: 4, 429: 3}
        assert server.requests.by_call[call_id] == 5


def test_another_key_uses_up_no_limit() -> None:
    with running(BOOK, limits=Limits(general=Window(1, 600))) as server, client(server) as http:
        path = f"/get-call/{BOOK.call_id(0)}"
        assert http.get(path, headers={"authorization": "Bearer other"}).status_code == 401
        assert http.get(path).status_code == 200


def test_a_clock_that_is_wrong_gives_the_only_date() -> None:
    limits = Limits(general=Window(9, 600), clock_ahead_s=3600)
    with running(BOOK, limits=limits) as server, client(server) as http:
        (date,) = http.get(f"/get-call/{BOOK.call_id(0)}").headers.get_list("date")
        assert (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() > 3500


def test_a_delay_is_served_after_it() -> None:
    with running(BOOK, delay_s=0.01) as server, client(server) as http:
        assert http.get(f"/get-call/{BOOK.call_id(0)}").content == BOOK.body(BOOK.call_id(0))


def test_a_server_stops_while_clients_are_idle_or_waiting() -> None:
    failed = threading.Event()

    def wait_for_the_slow_answer() -> None:
        with client(server, timeout=60) as waiting, pytest.raises(httpx.TransportError):
            waiting.get(f"/get-call/{BOOK.call_id(0)}")
        failed.set()

    with running(BOOK, faults=faulty("slow", slow_s=600)) as server:
        idle = client(server)
        idle.get("/")
        thread = threading.Thread(target=wait_for_the_slow_answer)
        thread.start()
        while not server.requests.by_call:
            pass
    thread.join(5)
    assert failed.is_set()
    idle.close()
    assert not any(thread.name == "simulator" for thread in threading.enumerate())


def test_requests_from_many_threads_are_all_counted() -> None:
    with running(BOOK) as server:

        def ask() -> None:
            with client(server) as http:
                for index in range(5):
                    http.get(f"/get-call/{BOOK.call_id(index)}")

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests.total == 30
        assert set(server.requests.served.values()) == {6}


def test_a_port_in_use_is_an_os_error() -> None:
    with running(BOOK) as server:
        port = _address(server)[1]
        with pytest.raises(OSError, match="in use"), running(BOOK, port=port):
            pass
        with pytest.raises(OSError, match="in use"):
            _serve(port, lambda _: None)


def test_a_port_can_be_used_again_at_once() -> None:
    with running(BOOK) as server, client(server) as http:
        http.get("/")
        port = _address(server)[1]
    with running(BOOK, port=port) as server, client(server) as http:
        assert http.get("/").status_code == 404


def test_serving_in_the_foreground_ends_quietly_on_ctrl_c() -> None:
    urls: list[str] = []

    def interrupt(base_url: str) -> None:
        urls.append(base_url)
        signal.raise_signal(signal.SIGINT)

    _serve(0, interrupt)
    assert urls[0].startswith("http://127.0.0.1:")


def test_the_app_runs_without_a_server() -> None:
    app = create_app(BOOK, "key")

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
            url = f"http://simulated/get-call/{BOOK.call_id(0)}"
            return await http.get(url, headers={"authorization": "bearer key"})

    assert asyncio.run(ask()).content == BOOK.body(BOOK.call_id(0))


def _serve(port: int, on_ready: object) -> None:
    serve(BOOK, api_key="key", host="127.0.0.1", port=port, faults=None, delay_s=0, on_ready=on_ready)  # type: ignore[arg-type]


def _address(server: Simulator) -> tuple[str, int]:
    host, port = server.base_url.removeprefix("http://").split(":")
    return host, int(port)


def _request(server: Simulator, call_id: str) -> bytes:
    lines = (
        f"GET /get-call/{call_id} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {server.api_key}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def _read_all(server: Simulator, call_id: str) -> tuple[bytes, bytes]:
    with socket.create_connection(_address(server)) as connection:
        connection.sendall(_request(server, call_id))
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    return head, body
