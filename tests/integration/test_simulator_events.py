"""The simulator sends events as Retell does: signed, in order, again where they are not taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from retell.lib import webhook_auth

from pipeline.simulator import CallBook, EventSender, make_events
from support.command_line import KEY, Start

BOOK = CallBook(seed=4, count=60, shape="today")


class Hook:
    """Takes events, after a few refusals of each, and keeps them in their order."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.asked: dict[bytes, int] = {}
        self.taken: list[dict[str, Any]] = []
        self.url = ""
        self.lock = threading.Lock()

    def take(self, body: bytes, signature: str) -> int:
        assert webhook_auth.verify(body.decode(), KEY, signature)
        with self.lock:
            self.asked[body] = asked = self.asked.get(body, 0) + 1
            if asked <= self.refusals:
                return 500
            self.taken.append(json.loads(body))
            return 204


@contextmanager
def listening(hook: Hook) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(hook.take(body, self.headers["x-retell-signature"]))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        # All connections of a sender come at once.
        request_queue_size = 64
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield hook
        server.shutdown()


def calls(interims: int = 0) -> list[list[dict[str, Any]]]:
    return [make_events(BOOK.payload(index), interims) for index in range(len(BOOK))]


def names_by_call(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event["call"]["call_id"], []).append(event["event"])
    return found


def test_the_last_event_has_what_get_call_returns() -> None:
    kinds = set()
    for index, events in enumerate(calls(interims=3)):
        payload, names = BOOK.payload(index), [event["event"] for event in events]
        kinds |= set(names)
        is_connected = (
            payload.get("start_timestamp") is not None and payload["call_status"] != "not_connected"
        )
        assert ("call_started" in names) is (is_connected or payload["call_status"] == "registered")
        if "call_analyzed" in names:
            assert names[-2:] == ["call_ended", "call_analyzed"]
            last = events[-1]["call"]
            if payload.get("data_storage_setting") != "basic_attributes_only":
                assert last == payload
            else:
                assert last["transcript_object"] or payload["call_status"] != "ended"
                assert not payload.get("transcript_object")
            assert "call_analysis" not in events[-2]["call"]
    assert {"call_started", "transcript_updated", "transfer_started", "call_ended", "call_analyzed"} <= kinds


def test_events_of_a_call_come_in_order_and_once() -> None:
    with listening(Hook()) as hook:
        sent = EventSender(hook.url, KEY).run(calls())
    assert all(each.is_acknowledged and each.attempts == 1 for each in sent)
    assert names_by_call(hook.taken) == names_by_call([event for events in calls() for event in events])


def test_what_is_refused_is_tried_again_and_given_up_after_four_times() -> None:
    with listening(Hook(refusals=3)) as hook:
        sent = EventSender(hook.url, KEY, pause_s=0.0).run(calls()[:5])
        assert {(each.status, each.attempts) for each in sent} == {(204, 4)}
    with listening(Hook(refusals=4)) as hook:
        sent = EventSender(hook.url, KEY, pause_s=0.0).run(calls()[:5])
        assert {(each.status, each.attempts) for each in sent} == {(500, 4)}
    [unanswered] = EventSender(hook.url, KEY, pause_s=0.0).run([calls()[0][:1]])
    assert (unanswered.status, unanswered.attempts) == (None, 4)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_is_repeated_or_late_and_a_seed_fixes_which(share: float) -> None:
    def taken(**more: float) -> dict[str, list[str]]:
        with listening(Hook()) as hook:
            EventSender(hook.url, KEY, connections=1, **more).run(calls())  # type: ignore[arg-type]
        return names_by_call(hook.taken)

    plain = names_by_call([event for events in calls() for event in events])
    twice, late = taken(repeated=share), taken(late=share)
    assert taken(repeated=share) == twice
    assert (twice == plain) is (late == plain) is (share == 0)
    assert {name: sorted(names) for name, names in late.items()} == {
        name: sorted(names) for name, names in plain.items()
    }
    if share == 1:
        assert twice == {name: [each for each in names for _ in range(2)] for name, names in plain.items()}


def test_simulate_sends_the_events_of_its_calls(start: Start) -> None:
    with listening(Hook()) as hook:
        server = start("simulate", "--calls", 20, "--port", 0, "--shape", "today", "--webhook", hook.url)
        server.until(lambda: "events were taken at" in server.err)
        server.popen.terminate()
        server.wait()
    total = sum(len(names) for names in names_by_call(hook.taken).values())
    assert f"{total:,} of {total:,} events were taken at {hook.url}" in server.err


def test_what_cannot_be_sent_to_is_one_sentence(start: Start) -> None:
    ended = start("simulate", "--calls", 5, "--port", 0, "--webhook", "retell").wait()
    assert ended.code == 2
    assert "--webhook retell is no URL" in ended.err
    assert len(ended.err.splitlines()) == 1
