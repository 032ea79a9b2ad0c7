"""A slot of a Prefect server is waited for as long as the server says, renewed while held, and given back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest

# Prefect takes seconds to import.
pytestmark = pytest.mark.slow

LEASE = str(uuid4())
LIMIT = {"id": str(uuid4()), "name": "call-analytics-load-1", "limit": 1}
TAKEN = "/v2/concurrency_limits/increment-with-lease"
RENEWED = f"/v2/concurrency_limits/leases/{LEASE}/renew"
RELEASED = "/v2/concurrency_limits/decrement-with-lease"


class _Limits(ThreadingHTTPServer):
    """Answers for the limits of a Prefect server: first with the statuses given, then with a slot."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api"
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.asked: list[str] = []
        self.renewed = Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Limits

    def do_GET(self) -> None:
        # There are no tokens against forged requests.
        self._answer(404, None)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.removeprefix("/api")
        self.server.asked.append(path)
        if path == RENEWED:
            self.server.renewed.set()
        if path == TAKEN:
            refusals = self.server.refusals
            status, headers = refusals.pop(0) if refusals else (200, {})
            self._answer(status, {"lease_id": LEASE, "limits": [LIMIT]}, headers)
        else:
            self._answer(204, None)

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def limits() -> Iterator[_Limits]:
    with _Limits() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def told(limits: _Limits, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The events that were told, with the client's settings for the server of this test."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from pipeline.flows import concurrency

    events: list[str] = []
    monkeypatch.setattr(concurrency, "emit_event", lambda event, resource: events.append(event))
    with temporary_settings({PREFECT_API_URL: limits.url}):
        yield events


def test_a_server_that_is_busy_is_asked_again_in_a_moment(
    limits: _Limits, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.flows.concurrency import held

    limits.refusals = [(503, {}), (503, {})]
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)  # how the client waits
    with held("call-analytics-load-1", lease_s=60, timeout_s=120):
        assert limits.asked == [TAKEN] * 3
        assert told == ["prefect.concurrency-limit.acquired"]
    assert len(slept) == 2
    assert max(slept) < 0.5
    assert limits.asked[3:] == [RELEASED]
    assert told[1:] == ["prefect.concurrency-limit.released"]


def test_a_slot_that_is_taken_is_waited_for_as_long_as_the_server_says(
    limits: _Limits, told: list[str]
) -> None:
    from pipeline.flows.concurrency import held

    limits.refusals = [(423, {"Retry-After": "7"}), (423, {"Retry-After": "2.5"})]
    slept: list[float] = []
    with held("call-analytics-load-1", lease_s=60, timeout_s=120, sleep=slept.append):
        pass
    assert slept == [7, 2.5]
    assert limits.asked == [TAKEN] * 3 + [RELEASED]


def test_a_slot_that_never_comes_free_is_given_up_after_the_limit(limits: _Limits, told: list[str]) -> None:
    from pipeline.flows.concurrency import held

    limits.refusals = [(423, {"Retry-After": "50"})] * 9
    slept: list[float] = []
    with (
        pytest.raises(TimeoutError),
        held("call-analytics-load-1", lease_s=60, timeout_s=120, sleep=slept.append),
    ):
        pytest.fail("there was no slot")
    assert slept == [50, 50, 20]
    assert RELEASED not in limits.asked
    assert told == []


def test_a_lease_is_renewed_while_the_slot_is_held_and_given_back_after_a_failure(
    limits: _Limits, told: list[str]
) -> None:
    from pipeline.flows.concurrency import held

    def fail() -> None:
        with held("call-analytics-load-1", lease_s=0.01, timeout_s=120):
            assert limits.renewed.wait(20)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert limits.asked.count(RELEASED) == 1
