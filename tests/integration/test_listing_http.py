"""The listing against a real HTTP server on loopback whose behaviour is chosen by the path before it."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.errors import KeyRefused, ListingFailed
from pipeline.retell.client import CallsClient
from pipeline.retell.listing import make_start_filter, make_status_filter

KEY = "key_4f1d2c"
CALLS = [(f"call_{number:03}", 1_740_000_000_000 + number) for number in range(25)]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    asked: dict[str, Any]


class Server(ThreadingHTTPServer):
    """Answers POST /BEHAVIOUR/v3/list-calls on loopback and keeps the requests."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.elsewhere = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers, json.loads(content)))
        behaviour, _, rest = self.path.removeprefix("/").partition("/")
        if rest != "v3/list-calls":
            return self.respond(404)
        BEHAVIOURS[behaviour](self)

    def respond(self, status: int, document: Any = None, **headers: str) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        if "content_encoding" in headers:
            body = gzip.compress(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        # Whoever was tired of waiting is gone.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    @property
    def asked(self) -> dict[str, Any]:
        return self.server.requests[-1].asked

    @property
    def times(self) -> int:
        return len(self.server.requests)


def paged(handler: Handler, **headers: str) -> None:
    """Do what the API is known to do: filter by start, sort, cut, and say where the next page is."""
    asked = handler.asked
    low_ms, high_ms = asked["filter_criteria"]["start_timestamp"]["value"]
    matching = [call for call in CALLS if low_ms <= call[1] <= high_ms]
    matching.sort(key=lambda call: call[1], reverse=asked["sort_order"] == "descending")
    begin = int(asked.get("pagination_key", "0"))
    end = begin + asked["limit"]
    document = {
        "items": [{"call_id": call_id, "start_timestamp": ms} for call_id, ms in matching[begin:end]],
        "has_more": end < len(matching),
    }
    if end < len(matching):
        document["pagination_key"] = str(end)
    handler.respond(200, document, **headers)


def packed(handler: Handler) -> None:
    paged(handler, content_encoding="gzip")


def busy(handler: Handler) -> None:
    """Answer every other request with 503."""
    if handler.times % 2:
        return handler.respond(503, retry_after="4")
    paged(handler)


def hang_up(handler: Handler) -> None:
    if handler.times > 1:
        return paged(handler)
    handler.close_connection = True


def slow(handler: Handler) -> None:
    time.sleep(0.4)
    paged(handler)


def stuck(handler: Handler) -> None:
    handler.respond(200, {"items": [], "has_more": True, "pagination_key": "the same"})


def refused(handler: Handler) -> None:
    handler.respond(401)


def absent(handler: Handler) -> None:
    handler.respond(404)


def move_here(handler: Handler) -> None:
    handler.respond(307, location="/paged/v3/list-calls")


def move_away(handler: Handler) -> None:
    handler.respond(307, location=f"{handler.server.elsewhere}/paged/v3/list-calls")


BEHAVIOURS: dict[str, Callable[[Handler], None]] = {
    behaviour.__name__: behaviour
    for behaviour in (paged, packed, busy, hang_up, slow, stuck, refused, absent, move_here, move_away)
}


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(server: Server, behaviour: str, slept_s: list[float] | None = None, **options: Any) -> list[str]:
    """Return the ids of all pages of 10, oldest first, without waiting between attempts."""

    async def sleep(seconds: float) -> None:
        if slept_s is not None:
            slept_s.append(seconds)

    async def scenario() -> list[str]:
        settings = {"clock": lambda: 0.0, "sleep": sleep, "rng": lambda: 1.0, **options}
        async with CallsClient(base_url=f"{server.url}/{behaviour}", api_key=KEY, **settings) as client:
            pages = client.list_all(
                make_start_filter(CALLS[2][1], CALLS[-1][1]) | make_status_filter("ended"), limit=10
            )
            return [call_id async for page in pages for call_id in page.call_ids]

    return asyncio.run(scenario())


@pytest.mark.parametrize("behaviour", ["paged", "packed", "busy", "hang_up", "slow", "move_here"])
def test_every_call_is_listed_once_and_in_order(behaviour: str) -> None:
    with serving() as server:
        assert listed(server, behaviour) == [call_id for call_id, _ in CALLS[2:]]
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
        assert {request.headers["content-type"] for request in server.requests} == {"application/json"}


def test_a_busy_server_is_given_the_time_it_asks_for() -> None:
    slept_s: list[float] = []
    with serving() as server:
        listed(server, "busy", slept_s)
        assert len(server.requests) == 6
    assert slept_s == [4, 4, 4]


def test_a_page_may_take_longer_than_a_call() -> None:
    with serving() as server:
        assert listed(server, "slow", request_timeout_s=0.1, deadline_s=0.1)
        with pytest.raises(ListingFailed, match="timed out after 6 attempts"):
            listed(server, "slow", listing_timeout_s=0.05)


def test_a_key_that_comes_again_ends_the_listing() -> None:
    with serving() as server:
        with pytest.raises(ListingFailed, match="a second time"):
            listed(server, "stuck")
        assert len(server.requests) == 2


def test_a_refused_key_costs_one_request() -> None:
    with serving() as server:
        with pytest.raises(KeyRefused):
            listed(server, "refused")
        assert len(server.requests) == 1


def test_an_api_without_a_listing_is_named() -> None:
    with serving() as server, pytest.raises(ListingFailed, match="no v3 listing"):
        listed(server, "absent")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_key_never_reaches_another_origin(host: str) -> None:
    with serving() as server, serving() as other:
        server.elsewhere = f"http://{host}:{other.server_port}"
        with pytest.raises(ListingFailed, match="RETELL_BASE_URL"):
            listed(server, "move_away")
        assert len(server.requests) == 1
        assert other.requests == []
