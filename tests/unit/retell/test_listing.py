"""Every page of the listing is whole or an error, and following pages always ends, on a mock transport."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipeline.errors import ApiError, ApiUnreachable, KeyRefused, ListingFailed
from pipeline.retell.client import CallsClient
from pipeline.retell.failures import Retriable
from pipeline.retell.listing import make_start_filter, make_status_filter
from pipeline.retell.page import Page
from pipeline.retell.retry import RetryPolicy

KEY = "key_4f1d2c"
NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
NOON_MS = 1740830400000


class Api:
    """A mock of the API: `replies` are given in order, the last one for ever, and requests are kept."""

    def __init__(self, *replies: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]):
        self.replies = replies
        self.requests: list[httpx.Request] = []
        self.slept_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert len(self.requests) < 500, "asked for ever"
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            # A response is used up by reading it, so each request gets its own.
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def client(self, **options: Any) -> CallsClient:
        return CallsClient(
            base_url="https://api.test/prefix",
            api_key=KEY,
            transport=httpx.MockTransport(self),
            clock=lambda: 0.0,
            sleep=self.sleep,
            rng=lambda: 1.0,
            now=lambda: NOW,
            **options,
        )

    def list(self, client_options: dict[str, Any] | None = None, **asked: Any) -> Page:
        async def main() -> Page:
            async with self.client(**client_options or {}) as client:
                return await client.list_calls(**{"filters": {}, **asked})

        return asyncio.run(main())

    def list_all(self, pages: list[Page], limit: int = 1000, **options: Any) -> None:
        """Append each page to ``pages``, so that those before an error are seen too."""

        async def main() -> None:
            async with self.client(**options) as client:
                async for page in client.list_all({}, limit=limit):
                    pages.append(page)

        asyncio.run(main())


def page(*call_ids: str, key: Any = None, more: Any = None, **fields: Any) -> httpx.Response:
    items = [{"call_id": call_id, "start_timestamp": NOON_MS} for call_id in call_ids]
    document = {"items": items, "has_more": key is not None if more is None else more, **fields}
    return httpx.Response(200, json=document if key is None else {**document, "pagination_key": key})


def ids(pages: list[Page]) -> list[list[str]]:
    return [page.call_ids for page in pages]


def test_a_page_is_asked_for_as_the_api_spells_it() -> None:
    api = Api(page())
    api.list(
        filters=make_start_filter(5) | make_status_filter("ended", "error"), limit=7, pagination_key="k 1"
    )
    (request,) = api.requests
    assert request.method == "POST"
    assert str(request.url) == "https://api.test/prefix/v3/list-calls"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert api.asked == [
        {
            "filter_criteria": {
                "start_timestamp": {"type": "number", "op": "ge", "value": 5},
                "call_status": {"type": "enum", "op": "in", "value": ["ended", "error"]},
            },
            "sort_order": "ascending",
            "limit": 7,
            "pagination_key": "k 1",
        }
    ]


def test_without_a_key_none_is_sent() -> None:
    api = Api(page())
    api.list(ascending=False)
    assert api.asked == [{"filter_criteria": {}, "sort_order": "descending", "limit": 1000}]


def test_a_time_with_an_end_is_a_range() -> None:
    assert make_start_filter(1, 2) == {"start_timestamp": {"type": "range", "op": "bt", "value": [1, 2]}}
    with pytest.raises(ValueError, match="before"):
        make_start_filter(2, 1)


def test_a_filter_for_no_status_is_refused() -> None:
    with pytest.raises(ValueError, match="no status"):
        make_status_filter()


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_that_the_api_does_not_have_is_refused_before_any_request(limit: int) -> None:
    api = Api(page())
    with pytest.raises(ValueError, match="1 to 1000"):
        api.list(limit=limit)
    assert api.requests == []


def test_a_page_holds_ids_and_start_times_side_by_side() -> None:
    items = [
        {"call_id": "a", "start_timestamp": NOON_MS, "transcript": "hello there", "new_field": {}},
        {"call_id": "b", "start_timestamp": None},
        {"call_id": "c"},
        {"call_id": "d", "start_timestamp": float(NOON_MS)},
    ]
    document = {"items": items, "has_more": True, "pagination_key": "k1", "total": 9}
    found = Api(httpx.Response(200, json=document)).list()
    assert found.call_ids == ["a", "b", "c", "d"]
    assert [item.start_ms for item in found.items] == [NOON_MS, None, None, NOON_MS]
    assert [json.loads(item.body) for item in found.items] == items
    assert (found.has_more, found.pagination_key) == (True, "k1")
    assert "hello there" not in repr(found)


_ODD_ITEMS: list[tuple[Any, str | None, int | None]] = [
    ("x", None, None),
    (7, None, None),
    (None, None, None),
    ([], None, None),
    ({}, None, None),
    ({"call_id": 1}, None, None),
    ({"call_id": "../b"}, None, None),
    ({"call_id": ""}, None, None),
    ({"call_id": "a", "start_timestamp": "7"}, "a", None),
    ({"call_id": "a", "start_timestamp": True}, "a", None),
    ({"call_id": "a", "start_timestamp": 1.5}, "a", None),
    ({"call_id": "a", "start_timestamp": -1}, "a", None),
    ({"call_id": "a", "start_timestamp": 10**15}, "a", None),
    ({"call_id": "a", "start_timestamp": 1e300}, "a", None),
    ({"call_id": "a", "n": 2**70}, "a", None),
    ({"call_id": "a", "n": float("nan")}, "a", None),
    ({"call_id": "a", "text": 'has [brackets], {braces}, \\"quotes\\" and \\\\'}, "a", None),
    ({"call_id": "a", "text": "half \ud83d"}, "a", None),
]


@pytest.mark.parametrize(("item", "call_id", "start_ms"), _ODD_ITEMS)
def test_an_odd_item_keeps_no_other_from_being_read(
    item: Any, call_id: str | None, start_ms: int | None
) -> None:
    document = {"items": [{"call_id": "b"}, item, {"call_id": "c"}], "has_more": False}
    found = Api(httpx.Response(200, content=json.dumps(document))).list()
    assert [each.call_id for each in found.items] == ["b", call_id, "c"]
    assert found.items[1].start_ms == start_ms
    assert str(json.loads(found.items[1].body)) == str(item)


@pytest.mark.parametrize(
    "odd", [b"[" * 300 + b"]" * 300, b'{"call_id": "a", "call_id": "b"}', b'{"call_id": "a", "n": 1e999}']
)
def test_an_item_that_is_no_sound_json_is_cut_out_as_it_came(odd: bytes) -> None:
    body = b'{"has_more": true, "pagination_key": "k", "items": [ {"call_id": "b"} , ' + odd + b"]}"
    found = Api(httpx.Response(200, content=body)).list()
    assert [item.body for item in found.items] == [b'{"call_id": "b"}', odd]
    assert (found.has_more, found.pagination_key) == (True, "k")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "not an object at $"),
        (None, "not an object at $"),
        ({"has_more": False}, "not a list at $.items"),
        ({"items": {}, "has_more": False}, "not a list at $.items"),
        ({"items": []}, "neither true nor false at $.has_more"),
        ({"items": [], "has_more": 0}, "neither true nor false at $.has_more"),
        ({"items": [], "has_more": "no"}, "neither true nor false at $.has_more"),
        ({"items": [], "has_more": True, "pagination_key": 7}, "not a string at $.pagination_key"),
    ],
)
def test_a_page_of_another_shape_is_refused_whole(document: Any, reason: str) -> None:
    api = Api(httpx.Response(200, content=json.dumps(document)))
    with pytest.raises(ListingFailed) as caught:
        api.list()
    assert reason in caught.value.reason
    assert caught.value.status == 200
    assert len(api.requests) == 1


@pytest.mark.parametrize("body", [b'{"items": [], "has_more": false, "has_more": true}', b'{"x": NaN}'])
def test_a_page_that_is_not_strict_json_is_refused_at_once(body: bytes) -> None:
    api = Api(httpx.Response(200, content=body))
    with pytest.raises(ListingFailed) as caught:
        api.list()
    assert caught.value.status == 200
    assert len(api.requests) == 1


def test_a_cut_page_is_asked_for_again() -> None:
    assert Api(httpx.Response(200, content=b'{"items": ['), page("a")).list().call_ids == ["a"]
    with pytest.raises(ListingFailed, match=r"not JSON: .* after 6 attempts"):
        Api(httpx.Response(200, content=b"<html>")).list()


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_page_is_asked_for_again_with_the_same_words(status: int) -> None:
    api = Api(httpx.Response(status, headers={"retry-after": "9"}), page("a"))
    assert api.list(filters=make_status_filter("ended")).call_ids == ["a"]
    assert api.asked[0] == api.asked[1]
    assert api.slept_s[0] == 9


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (httpx.Response(503), 503, "HTTP 503 after 6 attempts"),
        (httpx.ReadTimeout("x"), None, "timed out after 6 attempts"),
        (httpx.Response(400), 400, "HTTP 400"),
        (httpx.Response(422), 422, "HTTP 422"),
        (httpx.Response(204), 204, "HTTP 204"),
    ],
)
def test_a_final_failure_says_what_and_carries_its_status(
    failure: httpx.Response | Exception, status: int | None, reason: str
) -> None:
    with pytest.raises(ListingFailed) as caught:
        Api(failure).list()
    assert isinstance(caught.value, ApiError)
    assert (caught.value.status, caught.value.reason) == (status, reason)
    assert str(caught.value).startswith(f"calls could not be listed ({reason}): ")


def test_a_404_says_that_the_account_has_no_listing() -> None:
    api = Api(httpx.Response(404))
    with pytest.raises(ListingFailed, match=r"this account's API has no v3 listing.*backfill") as caught:
        api.list()
    assert caught.value.status == 404
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once(status: int) -> None:
    api = Api(httpx.Response(status))
    with pytest.raises(KeyRefused) as caught:
        api.list()
    assert (caught.value.status, caught.value.call_id) == (status, None)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_the_same_origin_is_asked_the_same(status: int) -> None:
    api = Api(httpx.Response(status, headers={"location": "/moved"}), page("a"))
    assert api.list(limit=3).call_ids == ["a"]
    assert [request.method for request in api.requests] == ["POST", "POST"]
    assert api.requests[1].url.path == "/moved"
    assert api.asked[0] == api.asked[1]


def test_a_redirect_to_see_elsewhere_is_followed_with_get() -> None:
    api = Api(httpx.Response(303, headers={"location": "/result"}), page("a"))
    assert api.list().call_ids == ["a"]
    assert (api.requests[1].method, api.requests[1].content) == ("GET", b"")
    assert "content-type" not in api.requests[1].headers


@pytest.mark.parametrize("status", [302, 303, 307])
@pytest.mark.parametrize("location", ["https://evil.test/", "http://api.test/", "https://u:p@api.test/"])
def test_the_key_follows_no_redirect_elsewhere(status: int, location: str) -> None:
    api = Api(httpx.Response(status, headers={"location": location}))
    with pytest.raises(ListingFailed, match="RETELL_BASE_URL") as caught:
        api.list()
    assert caught.value.status == status
    assert len(api.requests) == 1


def test_all_pages_are_followed_in_order() -> None:
    api = Api(page("a", "b", key="k1"), page(key="k2"), page("c", key="k3", more=False))
    pages: list[Page] = []
    api.list_all(pages, limit=2)
    assert ids(pages) == [["a", "b"], [], ["c"]]
    assert [asked.get("pagination_key") for asked in api.asked] == [None, "k1", "k2"]
    assert {asked["limit"] for asked in api.asked} == {2}


@pytest.mark.parametrize("key", [None, ""])
def test_more_pages_without_a_key_are_an_error_after_the_page_that_came(key: str | None) -> None:
    pages: list[Page] = []
    api = Api(page("a", more=True, key=key))
    with pytest.raises(ListingFailed, match="without a pagination_key"):
        api.list_all(pages)
    assert ids(pages) == [["a"]]
    assert len(api.requests) == 1


def test_a_key_that_comes_again_is_an_error() -> None:
    pages: list[Page] = []
    api = Api(page("a", key="k1"), page("b", key="k2"), page("c", key="k1"))
    with pytest.raises(ListingFailed, match="a second time"):
        api.list_all(pages)
    assert ids(pages) == [["a"], ["b"], ["c"]]


def test_a_server_that_ignores_the_key_is_not_asked_for_ever() -> None:
    api = Api(page("a", key="k1"))
    with pytest.raises(ListingFailed, match="a second time"):
        api.list_all([])
    assert len(api.requests) == 2


def test_empty_pages_without_end_are_an_error() -> None:
    api = Api(lambda _: page(key=f"k{len(api.requests)}"))
    with pytest.raises(ListingFailed, match="100 pages in a row were empty"):
        api.list_all([])
    assert len(api.requests) == 100


def test_a_page_too_large_is_asked_for_with_fewer_calls_from_then_on() -> None:
    def by_limit(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        size = asked["limit"] * 1000
        return page("a", padding="x" * size, key=None if "pagination_key" in asked else "k1")

    api, pages = Api(by_limit), list[Page]()
    api.list_all(pages, limit=10, max_body_bytes=3000)
    assert ids(pages) == [["a"], ["a"]]
    assert [(asked["limit"], asked.get("pagination_key")) for asked in api.asked] == [
        (10, None), (5, None), (2, None), (2, "k1"),
    ]  # fmt: skip


def test_a_page_of_one_call_that_is_too_large_is_an_error() -> None:
    api = Api(page("a", padding="x" * 9000))
    with pytest.raises(ListingFailed, match=r"larger than .* fewer calls per page") as caught:
        api.list_all([], limit=4, max_body_bytes=3000)
    assert caught.value.is_too_large
    assert [asked["limit"] for asked in api.asked] == [4, 2, 1]


def test_an_error_on_a_later_page_comes_after_the_pages_before() -> None:
    pages: list[Page] = []
    with pytest.raises(ListingFailed, match="HTTP 500 after 2 attempts"):
        Api(page("a", key="k1"), httpx.Response(500)).list_all(pages, policy=RetryPolicy(max_attempts=2))
    assert ids(pages) == [["a"]]


def test_listing_says_nothing_about_the_version_and_shares_the_counters() -> None:
    async def main() -> None:
        api = Api(httpx.Response(429), page("a"))
        async with api.client() as client:
            await client.list_calls(filters={})
            assert (client.stats.requests, client.stats.retries, client.stats.throttled) == (2, 1, 1)
            assert client.stats.api_version is None

    asyncio.run(main())


def test_listings_failing_in_a_row_stop_the_run() -> None:
    async def main() -> None:
        async with Api(httpx.Response(503)).client(breaker=2) as client:
            for _ in range(2):
                with pytest.raises(ListingFailed):
                    await client.list_calls(filters={})
            with pytest.raises(ApiUnreachable):
                await client.list_calls(filters={})

    asyncio.run(main())


def test_the_key_appears_in_no_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    item = {"call_id": "/", "transcript": "hello there"}
    replies = (
        httpx.ReadError("x"), httpx.Response(503), httpx.Response(404),
        httpx.Response(200, json={"items": [item], "has_more": 7}),
    )  # fmt: skip
    for reply in replies:
        with pytest.raises(ListingFailed) as caught:
            Api(reply).list()
        # What led to the error must not hold the request: a tool that walks there would find the key.
        assert not isinstance(caught.value.__context__, httpx.HTTPError | Retriable)
        for text in (str(caught.value), repr(caught.value), repr(vars(caught.value)), caplog.text):
            assert KEY not in text
            assert "hello there" not in text
