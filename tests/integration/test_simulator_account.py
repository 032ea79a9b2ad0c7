"""An account that changes while it is served, over real loopback connections."""

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import httpx
import pytest

from pipeline.simulator import Account, CallBook, ListingRules, Simulator, running

UNTIL = datetime(2025, 3, 14, 18, tzinfo=UTC)
BOOK = CallBook(count=60, until=UNTIL, shape="today")
LISTING = "/v3/list-calls"
Payload = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_noise(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING)
    yield
    assert not caplog.records


def client(server: Simulator) -> httpx.Client:
    headers = {"authorization": f"Bearer {server.api_key}"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30, trust_env=False)


def call(call_id: str, start: int | None = None, status: str = "ended", **more: Any) -> Payload:
    payload = {"call_id": call_id, "call_status": status, "agent_id": "agent_1", **more}
    return payload if start is None else {**payload, "start_timestamp": start, "end_timestamp": start + 50}


def account_of(*payloads: Payload, book: CallBook | None = None, **rules: Any) -> Account:
    account = Account(book, ListingRules(**rules))
    for payload in payloads:
        account.put(payload)
    return account


def page(http: httpx.Client, **body: Any) -> Payload:
    response = http.post(LISTING, json=body)
    assert response.status_code == 200, response.text
    found: Payload = response.json()
    return found


def pages(http: httpx.Client, **body: Any) -> Iterator[Payload]:
    while True:
        found = page(http, **body)
        yield found
        if not found["has_more"]:
            return
        body["pagination_key"] = found["pagination_key"]


def listed(http: httpx.Client, **body: Any) -> list[str]:
    return [item["call_id"] for found in pages(http, **body) for item in found["items"]]


def enum(*values: str) -> Payload:
    return {"type": "enum", "op": "in", "value": list(values)}


def get(http: httpx.Client, call_id: str) -> httpx.Response:
    return http.get(f"/v2/get-call/{call_id}")


def test_a_call_that_is_put_is_served_and_listed_without_transcripts() -> None:
    words = {"transcript": "Agent: Hello", "scrubbed_transcript_with_tool_calls": [], "transcript_object": []}
    payload = call("one", 5, metadata={"order": 7}, **words)
    with running(account_of(payload)) as server, client(server) as http:
        assert get(http, "one").json() == payload
        [item] = page(http)["items"]
        assert item == {name: value for name, value in payload.items() if name not in words}
        assert get(http, "two").status_code == 404


def test_a_call_can_be_put_replaced_and_deleted_while_the_server_runs() -> None:
    account = Account()
    with running(account) as server, client(server) as http:
        assert page(http, include_total=True) == {"items": [], "has_more": False, "total": 0}
        account.put(call("one", 5, "ongoing"))
        assert page(http)["items"] == [call("one", 5, "ongoing")]
        account.put(call("one", 6))
        assert get(http, "one").json() == call("one", 6)
        assert page(http)["items"] == [call("one", 6)]
        account.delete("one")
        assert get(http, "one").status_code == 404
        assert page(http)["items"] == []
        account.put(call("one", 7))
        assert listed(http) == ["one"]


def test_what_was_put_does_not_change_with_the_object_of_the_test() -> None:
    payload = call("one", metadata={"order": 7})
    account = account_of(payload)
    payload["metadata"]["order"] = 8
    assert account.payload("one")["metadata"] == {"order": 7}


def test_fields_change_and_a_function_can_take_them_away() -> None:
    account = account_of(call("one", 5, metadata={"order": 7}))
    with running(account) as server, client(server) as http:
        account.change("one", call_analysis={"call_successful": True}, agent_id="agent_2")
        assert get(http, "one").json()["call_analysis"] == {"call_successful": True}
        account.update("one", lambda payload: payload.pop("metadata") and None)
        assert "metadata" not in get(http, "one").json()
        account.update("one", lambda _: call("one", 9))
        assert get(http, "one").json() == page(http)["items"][0] == call("one", 9)


def test_calls_of_a_book_change_and_go_like_any_other() -> None:
    account = Account(BOOK)
    first, second, third = (BOOK.call_id(index) for index in range(3))
    with running(account) as server, client(server) as http:
        assert sorted(listed(http)) == sorted(BOOK.call_ids())
        account.delete(first)
        account.change(second, metadata={"seen": True})
        account.put(call(third, 5))
        account.put(call("more", 6))
        assert sorted(listed(http, limit=7)) == sorted({*BOOK.call_ids(), "more"} - {first})
        assert get(http, first).status_code == 404
        assert get(http, second).json() == {**BOOK.payload(1), "metadata": {"seen": True}}
        assert get(http, third).json() == call(third, 5)
        found = page(http, filter_criteria={"call_id": enum(first, second, third, "more")})["items"]
        assert sorted(item["call_id"] for item in found) == sorted([second, third, "more"])


def test_a_call_that_is_not_there_cannot_be_changed() -> None:
    account = account_of(call("one"))
    account.delete("one")
    for call_id in ("one", "two"):
        with pytest.raises(KeyError):
            account.change(call_id, metadata=None)
        with pytest.raises(KeyError):
            account.delete(call_id)


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_explicit_calls_and_those_of_a_book_share_one_order(order: str, limit: int) -> None:
    starts = sorted(p["start_timestamp"] for p in map(BOOK.payload, range(60)) if "start_timestamp" in p)
    # One as early as can be, some at the very moment of calls of the book, one after all, two without.
    puts = [call("early", 1), call("twin", starts[9]), call("win", starts[9]), call("late", 2**42)]
    account = account_of(*puts, call("first"), call("second"), book=BOOK)
    with running(account) as server, client(server) as http:
        found = [item for each in pages(http, sort_order=order, limit=limit) for item in each["items"]]
    ascending = found if order == "ascending" else found[::-1]
    ids = [item["call_id"] for item in ascending]
    assert sorted(ids) == sorted([*BOOK.call_ids(), *(p["call_id"] for p in puts), "first", "second"])
    with_start = [item for item in ascending if "start_timestamp" in item]
    assert ascending[: len(with_start)] == with_start
    order_of = [(item["start_timestamp"], item["call_id"]) for item in with_start]
    assert order_of == sorted(order_of)
    assert ids[-2:] == ["first", "second"]


@pytest.mark.parametrize(
    ("startless", "descending"),
    [("first", ["n2", "n1", "s2", "s1"]), ("last", ["s2", "s1", "n2", "n1"]), ("omitted", ["s2", "s1"])],
)
@pytest.mark.parametrize("limit", [1, 50])
def test_where_calls_without_a_start_come_is_a_rule(
    startless: str, descending: list[str], limit: int
) -> None:
    never = [call(name, status="not_connected") for name in ("n1", "n2")]
    account = account_of(never[0], call("s1", 1), call("s2", 2), never[1], startless=startless)
    account.change("n1", metadata={})
    with running(account) as server, client(server) as http:
        assert listed(http, limit=limit) == descending
        assert listed(http, limit=limit, sort_order="ascending") == descending[::-1]
        status = {"call_status": enum("not_connected")}
        assert listed(http, limit=limit, filter_criteria=status) == ["n2", "n1"]
        assert set(listed(http, limit=limit, filter_criteria={"call_id": enum("n1", "s2")})) == {"n1", "s2"}


@pytest.mark.parametrize("name", ["start_timestamp", "end_timestamp"])
@pytest.mark.parametrize("op", ["eq", "ne", "gt", "ge", "lt", "le"])
def test_filters_compare_starts_and_ends(name: str, op: str) -> None:
    calls = [call(f"call_{start}", start) for start in (100, 200, 300)]
    value = calls[1][name]
    compare = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}[op]
    with running(account_of(*calls, call("never"))) as server, client(server) as http:
        criteria = {name: {"type": "number", "op": op, "value": value}}
        found = listed(http, filter_criteria=criteria, sort_order="ascending")
        assert found == [each["call_id"] for each in calls if compare(each[name], value)]
        criteria = {name: {"type": "range", "op": "bt", "value": [value, value + 100]}}
        assert listed(http, filter_criteria=criteria) == ["call_300", "call_200"]


def test_the_ends_of_a_book_are_filtered_too() -> None:
    ends = {p["call_id"]: p["end_timestamp"] for p in map(BOOK.payload, range(60)) if "end_timestamp" in p}
    middle = sorted(ends.values())[30]
    with running(Account(BOOK)) as server, client(server) as http:
        for op, compare in (("ge", ge), ("lt", lt), ("eq", eq), ("ne", ne)):
            criteria = {"end_timestamp": {"type": "number", "op": op, "value": middle}}
            found = set(listed(http, filter_criteria=criteria))
            assert found == {call_id for call_id, end in ends.items() if compare(end, middle)}


def test_status_agent_and_reason_filter_explicit_calls() -> None:
    calls = [
        call("a", 1, "ended", disconnection_reason="user_hangup"),
        call("b", 2, "error", disconnection_reason="error_asr"),
        call("c", 3, "registered", agent_id="agent_2"),
        call("d", status="not_connected", disconnection_reason="dial_busy"),
    ]
    with running(account_of(*calls)) as server, client(server) as http:
        assert listed(http) == ["d", "c", "b", "a"]
        assert listed(http, filter_criteria={"call_status": enum("not_connected", "error")}) == ["d", "b"]
        assert listed(http, filter_criteria={"agent": [{"agent_id": "agent_2"}]}) == ["c"]
        assert listed(http, filter_criteria={"disconnection_reason": enum("user_hangup")}) == ["a"]


def test_a_call_answers_as_often_as_planned_and_then_as_ever() -> None:
    account = account_of(call("one", 1))
    account.fail("one", 503, times=2, retry_after="1")
    account.fail("one", 422)
    with running(account) as server, client(server) as http:
        answers = [get(http, "one") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [503, 503, 422, 200]
        assert answers[0].headers["retry-after"] == "1"
        assert answers[2].json() == {
            "status": "error",
            "message": "Cannot find requested asset under given api key.",
        }
        account.fail("nobody", 402, times=None, body={"status": "error", "message": "Trial has ended."})
        assert [get(http, "nobody").status_code for _ in range(3)] == [402] * 3
        assert get(http, "nobody").json()["message"] == "Trial has ended."
        assert server.requests.by_call == {"one": 4, "nobody": 4}
        assert server.requests.served == {"one": 1}


def test_a_missing_call_may_be_422() -> None:
    account = account_of(call("one", 1))
    account.missing_status = 422
    with running(account) as server, client(server) as http:
        account.delete("one")
        assert get(http, "one").status_code == get(http, "two").status_code == 422
        assert get(http, "one").json()["message"].startswith("Cannot find requested asset")
        assert http.get("/nowhere").status_code == 404


def test_a_call_can_take_its_time() -> None:
    account = account_of(call("one", 1))
    account.delay("one", 30)
    with running(account) as server, client(server) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/v2/get-call/one", timeout=0.1)
        account.delay("one", 0.01)
        assert get(http, "one").status_code == 200


def test_one_page_is_refused_as_often_as_planned() -> None:
    account = account_of(*(call(f"call_{start}", start) for start in range(1, 8)))
    account.refuse_page(2, 503, times=3)
    with running(account) as server, client(server) as http:
        first = page(http, limit=3)
        asked = {"limit": 3, "pagination_key": first["pagination_key"]}
        statuses = [http.post(LISTING, json=asked).status_code for _ in range(4)]
        assert statuses == [503, 503, 503, 200]
        assert listed(http, limit=3) == [f"call_{start}" for start in range(7, 0, -1)]
        assert server.requests.listing_statuses == {200: 5, 503: 3}
        account.refuse_page(1, 400, times=None)
        assert {http.post(LISTING, json={}).status_code for _ in range(3)} == {400}


def test_an_account_can_change_between_two_pages() -> None:
    account = account_of(*(call(f"call_{start}", start) for start in range(1, 8)))
    seen: list[int] = []

    def change(number: int) -> None:
        seen.append(number)
        if number == 2:
            # The call that the key of the page stands for, one that is still to come, and a new one.
            account.delete("call_5")
            account.delete("call_4")
            account.put(call("call_8", 8))

    account.on_page = change
    with running(account) as server, client(server) as http:
        found = listed(http, limit=3)
    assert found == ["call_7", "call_6", "call_5", "call_3", "call_2", "call_1"]
    assert seen == [1, 2]


def test_a_key_is_good_at_another_server() -> None:
    account = account_of(*(call(f"call_{start}", start) for start in range(1, 4)))
    with running(account) as server, client(server) as http:
        key = page(http, limit=2)["pagination_key"]
    with running(account) as server, client(server) as http:
        assert [item["call_id"] for item in page(http, pagination_key=key)["items"]] == ["call_1"]


def test_the_log_has_what_listings_asked_for() -> None:
    with running(account_of(*(call(str(start), start) for start in range(30)))) as server:
        with client(server) as http:
            assert len(listed(http, limit=10)) == 30
            http.post(LISTING, content=b"{")
            http.post(LISTING, json={}, headers={"authorization": "Bearer wrong"})
        bodies = server.requests.listing_bodies
        assert [sorted(body) for body in bodies[:3]] == [["limit"], *[["limit", "pagination_key"]] * 2]
        assert bodies[3:] == [None, {}]
        assert server.requests.listing_statuses == {200: 3, 400: 1, 401: 1}
        assert server.requests.by_call == {}


def test_filters_of_ids_can_be_short_refused_or_ignored() -> None:
    account = account_of(*(call(f"call_{start}", start) for start in range(1, 6)), most_ids_in_filter=2)
    three, two = (
        {"filter_criteria": {"call_id": enum(*(f"call_{start}" for start in starts))}}
        for starts in ((1, 3, 5), (1, 5))
    )
    with running(account) as server, client(server) as http:
        assert http.post(LISTING, json=three).status_code == 400
        assert listed(http, **two) == ["call_5", "call_1"]
        for status in (400, 422):
            account.rules = ListingRules(refuses_id_filter=status)
            response = http.post(LISTING, json=two)
            assert response.status_code == status
            assert response.json()["status"] == "error"
        account.rules = ListingRules(ignores_id_filter=True)
        assert len(listed(http, **two)) == 5


def test_pages_may_be_short_empty_or_capped() -> None:
    account = account_of(*(call(f"call_{start}", start) for start in range(1, 21)))
    everything = [f"call_{start}" for start in range(20, 0, -1)]
    for rules, sizes in (
        (ListingRules(most_on_page=8), [8, 8, 4]),
        (ListingRules(short_pages=(2,)), [10, 5, 5]),
        (ListingRules(empty_pages=(1, 3)), [0, 10, 0, 10]),
    ):
        account.rules = rules
        with running(account) as server, client(server) as http:
            assert listed(http, limit=10) == everything
            assert [len(found["items"]) for found in pages(http, limit=10)] == sizes


def test_calls_may_come_on_two_pages() -> None:
    account = account_of(*(call(str(start), start) for start in range(1, 8)), repeated_items=1)
    with running(account) as server, client(server) as http:
        found = [[item["call_id"] for item in each["items"]] for each in pages(http, limit=3)]
    assert found == [["7", "6", "5"], ["5", "4", "3"], ["3", "2", "1"]]


@pytest.mark.parametrize("rules", [{"startless": "top"}, {"most_on_page": 0}, {"repeated_items": -1}])
def test_rules_without_meaning_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ListingRules(**rules)


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        "call",
        [],
        {},
        {"call_status": "ended"},
        {"call_id": 5},
        {"call_id": "../../delete-agent"},
        {"call_id": "\ud800"},
        {"call_id": "web", "call_type": "web_call", "access_token": "secret", "start_timestamp": 2},
        {"call_id": "wrong", "start_timestamp": "yesterday", "call_cost": [1]},
        {"call_id": "text", "transcript": "Agent: Hello", "metadata": {"x": "y" * 100_000}},
    ],
    ids=lambda item: str(item)[:60],
)
def test_odd_items_are_listed_as_they_are(item: Any) -> None:
    account = account_of(call("one", 1), call("three", 3))
    account.list_raw(item, start_ms=2)
    with running(account) as server, client(server) as http:
        assert page(http)["items"] == [call("three", 3), item, call("one", 1)]
        assert len(page(http, filter_criteria={"call_status": enum("ended")})["items"]) == 3
        assert page(http, filter_criteria={"call_id": enum("one")})["items"] == [call("one", 1)]
        in_range = {"start_timestamp": {"type": "range", "op": "bt", "value": [1, 2]}}
        assert page(http, filter_criteria=in_range)["items"] == [item, call("one", 1)]
        account.delete_raw()
        assert listed(http) == ["three", "one"]


def test_odd_bytes_are_put_into_the_page_as_they_are() -> None:
    deep = b'{"call_id":"deep","metadata":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    account = account_of(call("one", 1))
    account.list_raw(deep)
    with running(account) as server, client(server) as http:
        content = http.post(LISTING, json={}).content
    assert (
        content
        == b'{"items":['
        + deep
        + b","
        + json.dumps(call("one", 1), separators=(",", ":")).encode()
        + b'],"has_more":false}'
    )


def test_time_goes_on_for_the_calls_of_a_book() -> None:
    earlier, later = UNTIL - timedelta(days=3), UNTIL + timedelta(days=1)
    account = Account(BOOK.at(earlier))
    account.put(call("more", 5))
    transferred, just_ended = BOOK.call_id(56), BOOK.call_id(57)
    account.change(transferred, metadata={"patched": True})
    with running(account) as server, client(server) as http:
        for moment in (earlier, UNTIL, later):
            account.as_of = moment
            assert account.as_of == moment
            book = BOOK.at(moment)
            items = {item["call_id"]: item for each in pages(http, limit=9) for item in each["items"]}
            known = {book.call_id(i) for i in range(60) if book.outline(i)} | {"more", transferred}
            assert set(items) == known
            assert get(http, just_ended).json() == book.payload(57)
            assert get(http, transferred).json() == {**book.payload(56), "metadata": {"patched": True}}
            assert items[transferred].get("call_analysis") == book.payload(56).get("call_analysis")
        assert "call_analysis" in get(http, just_ended).json()
        assert "transfer_end_timestamp" in items[transferred]


def test_a_call_of_a_book_keeps_its_place_when_it_changes() -> None:
    account = Account(CallBook(count=300, until=UNTIL, shape="today"))
    with running(account) as server, client(server) as http:
        before = listed(http, limit=100)
        never = [each["call_id"] for each in page(http, limit=5)["items"]]
        for call_id in (*never, before[150]):
            account.change(call_id, metadata={"seen": True})
        assert listed(http, limit=100) == before


def test_thirty_thousand_explicit_calls_are_thirty_pages() -> None:
    account = Account()
    for number in range(30_000):
        account.put({"call_id": f"call_{number}", "call_status": "ended", "start_timestamp": number})
    with running(account) as server, client(server) as http:
        assert len(set(listed(http, limit=1000))) == 30_000
        assert server.requests.listings == server.requests.total == 30


def test_an_account_can_be_changed_from_many_threads_while_it_is_listed() -> None:
    account = Account(BOOK)
    done = threading.Event()

    def change(name: str) -> None:
        for number in range(200):
            account.put(call(f"{name}_{number}", number))
            account.change(f"{name}_{number}", metadata={"n": number})
            if number % 2:
                account.delete(f"{name}_{number}")

    with running(account) as server, client(server) as http, ThreadPoolExecutor(4) as threads:
        changes = [threads.submit(change, name) for name in "abcd"]
        while not done.is_set():
            found = listed(http, limit=50)
            assert len(found) == len(set(found))
            assert set(BOOK.call_ids()) <= set(found)
            if all(each.done() for each in changes):
                done.set()
        for each in changes:
            each.result()
        assert len(listed(http, limit=1000)) == 60 + 4 * 100


def test_items_can_be_made_before_anybody_asks() -> None:
    account = Account(BOOK)
    account.make_items()
    with running(account) as server, client(server) as http:
        assert page(http, limit=1000)["items"] == page(http, limit=1000)["items"]
        assert len(page(http, limit=1000)["items"]) == 60
