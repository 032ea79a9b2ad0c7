"""The simulated listing of calls over real loopback connections."""

import gzip
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import httpx
import pytest

from pipeline.simulator import LISTING_FAULTS, CallBook, Faults, Simulator, create_app, running

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
BOOK = CallBook(count=300, until=UNTIL, broken_share=0.1)
TODAY = CallBook(count=300, until=UNTIL, not_connected=True)
PATH = "/v3/list-calls"
Payload = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_noise(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING)
    yield
    assert not caplog.records


@cache
def payloads(book: CallBook = BOOK) -> list[Payload]:
    return [book.payload(index) for index in range(len(book))]


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with running(BOOK) as server, client(server) as http:
        yield http


def client(server: Simulator) -> httpx.Client:
    headers = {"authorization": f"Bearer {server.api_key}"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30, trust_env=False)


def page(http: httpx.Client, **body: Any) -> Payload:
    response = http.post(PATH, json=body)
    assert response.status_code == 200, response.text
    found: Payload = response.json()
    return found


def walk(http: httpx.Client, **body: Any) -> list[Payload]:
    items = []
    while True:
        found = page(http, **body)
        items += found["items"]
        if not found["has_more"]:
            assert "pagination_key" not in found
            return items
        body["pagination_key"] = found["pagination_key"]


def ids(items: list[Payload]) -> list[str]:
    return [item["call_id"] for item in items]


def matching(test: Callable[[Payload], Any], book: CallBook = BOOK) -> set[str]:
    found = {payload["call_id"] for payload in payloads(book) if test(payload)}
    assert found, "a test that filters everything away proves nothing"
    return found


def listed(http: httpx.Client, **criteria: Any) -> set[str]:
    items = walk(http, filter_criteria=criteria, limit=37)
    assert len(set(ids(items))) == len(items)
    return set(ids(items))


def enum(*values: str) -> Payload:
    return {"type": "enum", "op": "in", "value": list(values)}


def middle_start() -> int:
    starts = sorted(p["start_timestamp"] for p in payloads() if "start_timestamp" in p)
    return int(starts[len(starts) // 2])


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("limit", [1, 7, 100, 299, 300, 1000])
def test_walking_all_pages_gives_every_call_once(http: httpx.Client, order: str, limit: int) -> None:
    assert sorted(ids(walk(http, sort_order=order, limit=limit))) == sorted(BOOK.call_ids())


def test_calls_are_sorted_by_start_then_id_with_those_without_a_start_last_as_they_were_due(
    http: httpx.Client,
) -> None:
    ascending = walk(http, sort_order="ascending")
    order = {
        p["call_id"]: ("start_timestamp" not in p, p.get("start_timestamp", BOOK.due_ms(index)), p["call_id"])
        for index, p in enumerate(payloads())
    }
    expected = sorted(payloads(), key=lambda p: order[p["call_id"]])
    assert sum("start_timestamp" not in item for item in ascending) > 3
    assert ids(ascending) == ids(expected)
    assert ids(walk(http, sort_order="descending")) == ids(expected)[::-1]


def test_the_first_page_is_fifty_calls_in_descending_order(http: httpx.Client) -> None:
    assert page(http)["items"] == walk(http, sort_order="descending", limit=1000)[:50]


def test_items_are_the_sound_payloads_without_transcripts(http: httpx.Client) -> None:
    for item in walk(http, limit=1000):
        index = BOOK.index(item["call_id"])
        assert index is not None
        payload = BOOK.payload(index)
        left_out = {"transcript", "transcript_object", "transcript_with_tool_calls"}
        assert item == {name: value for name, value in payload.items() if name not in left_out}


def test_a_range_of_starts_includes_both_bounds(http: httpx.Client) -> None:
    low, high = middle_start(), max(p.get("start_timestamp", 0) for p in payloads())
    found = listed(http, start_timestamp={"type": "range", "op": "bt", "value": [low, high]})
    assert found == matching(lambda p: low <= p.get("start_timestamp", -1) <= high)


@pytest.mark.parametrize("op", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_a_number_compares_starts_and_finds_no_call_without_one(http: httpx.Client, op: str) -> None:
    compare, start = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}[op], middle_start()
    found = listed(http, start_timestamp={"type": "number", "op": op, "value": start})
    assert found == matching(lambda p: "start_timestamp" in p and compare(p["start_timestamp"], start))


@pytest.mark.parametrize("bounds", [[2, 1], [0, 1], [10**15, 10**400], [0.5, 1.5]])
def test_a_range_without_calls_is_an_empty_page(http: httpx.Client, bounds: list[float]) -> None:
    criteria = {"start_timestamp": {"type": "range", "op": "bt", "value": bounds}}
    assert page(http, filter_criteria=criteria, include_total=True) == {
        "items": [],
        "has_more": False,
        "total": 0,
    }


@pytest.mark.parametrize("statuses", [("ongoing",), ("error",), ("ended", "error"), ("ended", "ongoing")])
def test_a_status_filter_agrees_with_the_payloads(http: httpx.Client, statuses: tuple[str, ...]) -> None:
    assert listed(http, call_status=enum(*statuses)) == matching(lambda p: p["call_status"] in statuses)


def test_ended_and_failed_calls_without_a_start_are_found_by_status_alone(http: httpx.Client) -> None:
    never = matching(lambda p: "start_timestamp" not in p and "disconnection_reason" in p)
    everything = {"type": "number", "op": "ge", "value": 0}
    assert never < listed(http, call_status=enum("ended", "error"))
    assert not never & listed(http, call_status=enum("ended", "error"), start_timestamp=everything)


def test_calls_without_a_start_are_not_connected_in_a_book_that_says_so() -> None:
    with running(TODAY) as server, client(server) as http:
        found = walk(http, filter_criteria={"call_status": enum("not_connected")}, limit=5)
    over = matching(lambda p: "start_timestamp" not in p and "disconnection_reason" in p, TODAY)
    assert set(ids(found)) == over
    assert {item["call_status"] for item in found} == {"not_connected"}


def test_an_id_filter_finds_known_ids_and_passes_over_unknown_ones(http: httpx.Client) -> None:
    wanted = [BOOK.call_id(index) for index in (299, 0, 150)]
    assert listed(http, call_id=enum(*wanted, *BOOK.unknown_ids(2), "nobody")) == set(wanted)
    assert listed(http, call_id=enum()) == set()


def test_a_reason_filter_agrees_with_the_payloads(http: httpx.Client) -> None:
    reasons = ("dial_busy", "machine_detected", "agent_hangup")
    found = listed(http, disconnection_reason=enum(*reasons, "no_such_reason"))
    assert found == matching(lambda p: p.get("disconnection_reason") in reasons)


def test_an_agent_filter_is_any_of_its_agents(http: httpx.Client) -> None:
    agents = sorted({p["agent_id"] for p in payloads()})[:2]
    found = listed(http, agent=[{"agent_id": agent_id} for agent_id in (*agents, "nobody")])
    assert found == matching(lambda p: p["agent_id"] in agents)


def test_all_filters_must_hold(http: httpx.Client) -> None:
    start, agent_id = middle_start(), payloads()[0]["agent_id"]
    found = listed(
        http,
        agent=[{"agent_id": agent_id}],
        call_status=enum("ended"),
        start_timestamp={"type": "number", "op": "lt", "value": start},
    )
    assert found == matching(
        lambda p: (
            p["agent_id"] == agent_id
            and p["call_status"] == "ended"
            and p.get("start_timestamp", start) < start
        )
    )


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_filtered_listing_keeps_the_order(http: httpx.Client, order: str) -> None:
    criteria = {"call_status": enum("error")}
    kept = [item for item in walk(http, sort_order=order, limit=1000) if item["call_status"] == "error"]
    assert walk(http, filter_criteria=criteria, sort_order=order, limit=4) == kept


def test_null_or_empty_criteria_match_everything(http: httpx.Client) -> None:
    assert page(http, filter_criteria=None) == page(http, filter_criteria={}) == page(http)


def test_the_total_counts_matches_whatever_the_page(http: httpx.Client) -> None:
    criteria = {"call_status": enum("error")}
    first = page(http, limit=2, include_total=True, filter_criteria=criteria)
    assert first["total"] == len(matching(lambda p: p["call_status"] == "error"))
    key = first["pagination_key"]
    later = page(http, limit=2, skip=1, pagination_key=key, include_total=True, filter_criteria=criteria)
    assert later["total"] == first["total"]
    assert "total" not in page(http, limit=2)


def test_skip_passes_over_matches_after_the_key(http: httpx.Client) -> None:
    everything = ids(walk(http, limit=1000))
    first = page(http, limit=10, skip=5)
    assert ids(first["items"]) == everything[5:15]
    second = page(http, limit=10, skip=3, pagination_key=first["pagination_key"])
    assert ids(second["items"]) == everything[18:28]
    assert page(http, skip=300) == page(http, skip=2**53) == {"items": [], "has_more": False}


def test_a_key_is_not_a_call_id(http: httpx.Client) -> None:
    first = page(http, limit=3)
    assert BOOK.index(first["pagination_key"]) is None
    assert http.post(PATH, json={"pagination_key": first["items"][-1]["call_id"]}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": -1},
        {"limit": "50"},
        {"limit": 50.0},
        {"limit": True},
        {"limit": None},
        {"skip": -1},
        {"skip": 10**30},
        {"sort_order": "up"},
        {"sort_order": ["ascending"]},
        {"pagination_key": "unknown"},
        {"pagination_key": 7},
        {"pagination_key": "\ud800" * 32},
        {"include_total": "yes"},
        {"page": 2},
        {"filter_criteria": []},
        {"filter_criteria": {"to_numb\ud800r": {"type": "string", "op": "eq", "value": "1"}}},
        {"filter_criteria": {"start_timestamp": 5}},
        {"filter_criteria": {"start_timestamp": {"type": "range", "op": "bt", "value": [1]}}},
        {"filter_criteria": {"start_timestamp": {"type": "range", "op": "bt", "value": ["1", "2"]}}},
        {"filter_criteria": {"start_timestamp": {"type": "number", "op": "bt", "value": [1, 2]}}},
        {"filter_criteria": {"start_timestamp": {"type": "number", "op": ["ge"], "value": 1}}},
        {"filter_criteria": {"start_timestamp": {"type": "number", "op": "ge", "value": True}}},
        {"filter_criteria": {"start_timestamp": {"type": "number", "op": "ge"}}},
        {"filter_criteria": {"start_timestamp": {"type": "number", "op": "ge", "value": float("nan")}}},
        {"filter_criteria": {"call_status": {"type": "enum", "op": "in", "value": ["registered"]}}},
        {"filter_criteria": {"call_status": {"type": "enum", "op": "not_in", "value": ["ended"]}}},
        {"filter_criteria": {"call_status": ["ended"]}},
        {"filter_criteria": {"call_id": {"type": "enum", "op": "in", "value": [1]}}},
        {"filter_criteria": {"call_id": {"type": "string", "op": "sw", "value": "A"}}},
        {"filter_criteria": {"agent": {"agent_id": "a"}}},
        {"filter_criteria": {"agent": [{"agent_id": "a", "version": [1]}]}},
        [],
        None,
    ],
    ids=str,
)
def test_what_cannot_be_understood_in_full_is_a_bad_request(http: httpx.Client, body: Any) -> None:
    headers = {"content-type": "application/json"}
    response = http.post(PATH, content=json.dumps(body), headers=headers)
    assert response.status_code == 400
    assert response.json()["status"] == "error"
    assert response.json()["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"limit": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_not_json_is_a_bad_request(http: httpx.Client, content: bytes) -> None:
    assert http.post(PATH, content=content).status_code == 400


def test_a_missing_or_wrong_key_is_unauthorized_and_counted() -> None:
    with running(BOOK) as server, httpx.Client(base_url=server.base_url, trust_env=False) as http:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            response = http.post(PATH, json={}, headers=headers)
            assert response.status_code == 401
            assert response.json()["status"] == "error"
        assert server.requests.listings == 2
        assert server.requests.by_status == {401: 2}


def test_listings_are_counted_apart_from_calls() -> None:
    with running(BOOK) as server, client(server) as http:
        page(http, limit=1)
        http.get(f"/get-call/{BOOK.call_id(0)}")
        assert http.get(PATH).status_code == http.post(f"{PATH}/").status_code == 404
        assert (server.requests.listings, server.requests.total) == (1, 4)
        assert set(server.requests.by_call) == set(server.requests.served) == {BOOK.call_id(0)}


def test_a_page_is_compressed_when_gzip_is_accepted(http: httpx.Client) -> None:
    request = http.build_request("POST", PATH, json={"limit": 3}, headers={"accept-encoding": "gzip"})
    response = http.send(request, stream=True)
    raw = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw)) == page(http, limit=3)


def test_a_repeated_key_is_the_same_for_ever() -> None:
    with running(BOOK, listing_fault="repeated_key") as server, client(server) as http:
        first = page(http, limit=200)
        key, seen = first["pagination_key"], []
        for _ in range(4):
            again = page(http, limit=200, pagination_key=key)
            assert again["has_more"]
            assert again["pagination_key"] == key
            seen.append(ids(again["items"]))
        assert seen == [seen[0]] * 4
        assert page(http, limit=1000)["pagination_key"]


def test_a_missing_key_leaves_a_listing_that_says_it_goes_on() -> None:
    with running(BOOK, listing_fault="missing_key") as server, client(server) as http:
        for limit in (10, 1000):
            found = page(http, limit=limit)
            assert found["has_more"]
            assert "pagination_key" not in found


def test_a_listing_unavailable_once_is_served_from_the_second_authorized_request() -> None:
    with running(BOOK, listing_fault="unavailable_once") as server, client(server) as http:
        assert http.post(PATH, json={}, headers={"authorization": "Bearer wrong"}).status_code == 401
        statuses = [http.post(PATH, json={}).status_code for _ in range(3)]
        assert statuses == [503, 200, 200]
        assert http.get(f"/get-call/{BOOK.call_id(0)}").status_code == 200
        assert server.requests.listings == 4


def test_faults_of_calls_leave_the_listing_alone() -> None:
    with running(BOOK, faults=Faults(share=1, kinds=("server_error",))) as server, client(server) as http:
        assert len(walk(http, limit=100)) == 300


def test_an_unknown_listing_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of"):
        create_app(BOOK, "key", listing_fault="gremlins")
    assert len(LISTING_FAULTS) == 3


def test_a_listing_is_served_after_a_delay() -> None:
    with running(BOOK, delay_s=0.01) as server, client(server) as http:
        assert len(page(http, limit=2)["items"]) == 2


def test_calls_nobody_has_registered_yet_are_not_listed() -> None:
    earlier = UNTIL - timedelta(days=7)
    book, over = (CallBook(count=300, until=UNTIL, as_of=as_of) for as_of in (earlier, UNTIL + timedelta(1)))
    with running(book) as server, client(server) as http:
        items = walk(http, limit=40)
    now_ms = int(earlier.timestamp() * 1000)
    started = matching(lambda p: p.get("start_timestamp", now_ms + 1) <= now_ms, over)
    assert 100 < len(started) < 280
    assert {item["call_id"] for item in items if "start_timestamp" in item} == started
    assert len(items) < 300


def test_a_registered_call_is_listed_without_a_start(http: httpx.Client) -> None:
    registered = [item for item in walk(http) if item["call_status"] == "registered"]
    assert registered
    assert not any("start_timestamp" in item for item in registered)


def test_an_empty_book_has_an_empty_listing() -> None:
    with running(CallBook(count=0, until=UNTIL)) as server, client(server) as http:
        assert page(http, include_total=True) == {"items": [], "has_more": False, "total": 0}


def test_first_pages_asked_for_at_once_are_all_the_same() -> None:
    found: list[list[str]] = []
    with running(BOOK) as server:

        def ask() -> None:
            with client(server) as http:
                found.append(ids(page(http, limit=20)["items"]))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests.listings == 6
    assert found == [found[0]] * 6


def test_a_server_stops_while_a_long_book_is_being_dated() -> None:
    long, failed = CallBook(count=1_000_000, until=UNTIL), threading.Event()

    def wait_for_the_first_page() -> None:
        with client(server) as waiting, pytest.raises(httpx.TransportError):
            waiting.post(PATH, json={})
        failed.set()

    before = set(threading.enumerate())
    with running(long) as server:
        thread = threading.Thread(target=wait_for_the_first_page)
        thread.start()
        while not server.requests.listings:
            pass
    thread.join(5)
    assert failed.is_set()
    assert set(threading.enumerate()) == before


def test_a_filter_on_the_end_finds_calls_that_ended_without_a_start() -> None:
    quirks = {"end_of_unconnected": 0.5, "error_without_start": 1.0, "empty_reason": 0.05}
    book = CallBook(count=300, until=UNTIL, shape="today", quirks=quirks)
    startless = matching(lambda p: "end_timestamp" in p and "start_timestamp" not in p, book)
    ended = matching(lambda p: "end_timestamp" in p, book)
    with running(book) as server, client(server) as http:
        whole = listed(http, end_timestamp={"type": "number", "op": "ge", "value": 0})
        assert whole == ended
        assert startless < whole
        reasonless = matching(lambda p: p.get("disconnection_reason") == "", book)
        assert listed(http, disconnection_reason=enum("")) == reasonless
        assert len(walk(http, limit=100)) == 300
