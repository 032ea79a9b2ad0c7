"""Every answer of the API becomes the right outcome, and the key goes nowhere else, on a mock transport."""

from __future__ import annotations

import asyncio
import gzip
import logging
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipeline import __version__
from pipeline.errors import (
    AccountRefused,
    ApiUnreachable,
    ConfigurationError,
    KeyRefused,
    LimitUsedUp,
    NoConnection,
)
from pipeline.payload.call_id import is_call_id
from pipeline.payload.fast_parse import ParsedBody
from pipeline.retell.answer import Answer, Stats
from pipeline.retell.client import CallsClient
from pipeline.retell.retry import RetryPolicy

KEY = "key_4f1d2c"
NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MIB = 1024 * 1024


class Api:
    """A mock of the API: `replies` are given in order, the last one for ever, and requests are kept."""

    def __init__(self, *replies: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]):
        self.replies = replies
        self.requests: list[httpx.Request] = []
        self.slept_s: list[float] = []
        self.stats: Stats | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            # A response is used up by reading it, so each request gets its own.
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def client(self, **options: Any) -> CallsClient:
        settings = {
            "base_url": "https://api.test",
            "api_key": KEY,
            "api_version": "v2",
            "clock": lambda: 0.0,
            **options,
        }
        return CallsClient(
            transport=httpx.MockTransport(self),
            sleep=self.sleep,
            rng=lambda: 1.0,
            now=lambda: NOW,
            **settings,
        )

    def run(self, scenario: Callable[[CallsClient], Awaitable[Any]], **options: Any) -> Any:
        async def main() -> Any:
            async with self.client(**options) as client:
                try:
                    return await scenario(client)
                finally:
                    self.stats = client.stats

        return asyncio.run(main())

    def ask(self, call_id: str = "call_1", **options: Any) -> Answer:
        answer = self.run(lambda client: client.get_call(call_id), **options)
        assert isinstance(answer, Answer)
        return answer


def document_of(answer: Answer) -> Any:
    assert answer.parsed is not None
    return answer.parsed.document


def ok(document: str = '{"call_id": "call_1"}') -> httpx.Response:
    return httpx.Response(200, content=document.encode())


def raw(status: int, content: bytes, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    """A response whose content is not decoded by httpx when it is made."""

    async def pieces() -> Any:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, headers=named, content=pieces())


def test_a_payload_is_found_with_its_bytes_and_its_document() -> None:
    api = Api(ok('{"call_id": "call_1", "n": 1.10}'))
    assert api.ask() == Answer(
        call_id="call_1",
        status="found",
        http_status=200,
        attempts=1,
        fetched_at=NOW,
        body=b'{"call_id": "call_1", "n": 1.10}',
        parsed=ParsedBody(
            b'{"call_id": "call_1", "n": 1.10}', {"call_id": "call_1", "n": 1.1}, has_no_surrogates=True
        ),
    )
    (request,) = api.requests
    assert request.method == "GET"
    assert str(request.url) == "https://api.test/v2/get-call/call_1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"] == f"call-analytics-pipeline/{__version__}"
    assert request.headers["accept-encoding"] == "gzip"


def test_the_counters_say_what_was_done() -> None:
    api = Api(httpx.Response(429), httpx.Response(503), ok("[]"))
    api.ask()
    assert api.stats == Stats(
        requests=3, retries=2, throttled=1, received_bytes=2, concurrency=8, api_version="v2"
    )


@pytest.mark.parametrize(
    ("base_url", "asked"),
    [
        ("https://api.test/", "https://api.test/v2/get-call/a"),
        ("https://api.test/proxy/retell/", "https://api.test/proxy/retell/v2/get-call/a"),
        ("https://api.test:8443/x", "https://api.test:8443/x/v2/get-call/a"),
        ("http://localhost:8080", "http://localhost:8080/v2/get-call/a"),
        ("http://127.0.0.1", "http://127.0.0.1/v2/get-call/a"),
        ("http://[::1]:8080/", "http://[::1]:8080/v2/get-call/a"),
        (" https://api.test ", "https://api.test/v2/get-call/a"),
    ],
)
def test_a_base_url_may_have_a_port_a_prefix_and_a_slash(base_url: str, asked: str) -> None:
    api = Api(ok())
    api.ask("a", base_url=base_url)
    assert str(api.requests[0].url) == asked


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("http://api.test", "unencrypted to api.test"),
        ("http://127.0.0.1.api.test", "unencrypted"),
        ("http://localhost.api.test", "unencrypted"),
        ("ftp://api.test", "must begin with https"),
        ("api.test", "must begin with https"),
        ("https://", "must begin with https"),
        ("", "must begin with https"),
        ("https://user:hunter2@api.test", "no user name"),
        ("https://api.test/?a=hunter2", "no user name, query"),
        ("https://api.test/?", "no user name, query"),
        ("https://api.test/#x", "no user name, query"),
        ("https://api.test:port", "not a URL"),
        ("https://xn--\u00e9", "not a URL"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(base_url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        CallsClient(base_url=base_url, api_key=KEY)
    assert "hunter2" not in str(caught.value)


def test_plain_http_to_another_machine_is_for_those_who_allow_it() -> None:
    api = Api(ok())
    assert api.ask("a", base_url="http://api.test", allow_http=True).status == "found"
    assert str(api.requests[0].url) == "http://api.test/v2/get-call/a"
    with pytest.raises(ConfigurationError, match="must begin with https"):
        CallsClient(base_url="ftp://api.test", api_key=KEY, allow_http=True)


@pytest.mark.parametrize("key", ["", " ", "my key", "key\n", "schl\u00fcssel"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="RETELL_API_KEY") as caught:
        CallsClient(base_url="https://api.test", api_key=key)
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "../../delete-agent", "https://evil.test", "a/b", "a b", "a\n", "é", "a" * 129, "%2e"],
)
def test_text_that_is_no_call_id_is_refused_before_any_request(text: str) -> None:
    api = Api(ok())
    assert not is_call_id(text)
    with pytest.raises(ValueError, match="not a call id"):
        api.ask(text)
    assert api.requests == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once(status: int) -> None:
    api = Api(httpx.Response(status), ok())
    with pytest.raises(KeyRefused) as caught:
        api.ask()
    assert (caught.value.status, caught.value.call_id) == (status, "call_1")
    assert len(api.requests) == 1


def test_an_account_that_must_pay_stops_at_once_and_says_what_to_do() -> None:
    api = Api(httpx.Response(402), ok())
    with pytest.raises(AccountRefused, match="settle the billing") as caught:
        api.ask()
    assert (caught.value.status, caught.value.call_id, caught.value.exit_code) == (402, "call_1", 1)
    assert len(api.requests) == 1


_ABSENT = b'{"status": "error", "message": "Cannot find requested asset under given api key"}'


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (_ABSENT, "identity", "not_found"),
        (_ABSENT.upper(), "identity", "not_found"),
        (gzip.compress(_ABSENT), "gzip", "not_found"),
        (b" " * 70_000 + _ABSENT, "identity", "failed"),
        (gzip.compress(b" " * 70_000_000), "gzip", "failed"),
        (b"not gzip", "gzip", "failed"),
        (_ABSENT, "br", "failed"),
        (b'{"message": "call_id must be a string"}', "identity", "failed"),
        (b"", "identity", "failed"),
    ],
    ids=[
        "as documented", "in capitals", "gzip", "behind many blanks", "a bomb", "damaged", "another encoding",
        "about something else", "without a body",
    ],
)  # fmt: skip
def test_a_422_that_finds_nothing_is_not_found(content: bytes, encoding: str, status: str) -> None:
    answer = Api(raw(422, content, content_encoding=encoding)).ask()
    assert (answer.status, answer.http_status, answer.attempts) == (status, 422, 1)
    assert answer.body == b""


def test_a_422_that_finds_nothing_is_asked_for_on_the_other_path() -> None:
    api = Api(raw(422, _ABSENT), ok())
    assert api.ask(api_version="auto").status == "found"
    assert api.paths == ["/v2/get-call/call_1", "/get-call/call_1"]


def test_a_refusal_that_says_when_to_come_back_is_no_attempt() -> None:
    refused = httpx.Response(429, headers={"ratelimit-limit": "1", "ratelimit-reset": "5"})
    api = Api(*[refused] * 50, ok())
    answer = api.ask(concurrency=8, clock=lambda: sum(api.slept_s))
    assert (answer.status, answer.attempts) == ("found", 1)
    assert api.slept_s == [5] * 50
    assert api.stats
    assert (api.stats.throttled, api.stats.retries, api.stats.concurrency) == (50, 50, 8)


def test_an_account_that_lets_nothing_through_for_half_an_hour_ends_the_run() -> None:
    api = Api(httpx.Response(429, headers={"ratelimit-limit": "1", "ratelimit-reset": "9999999"}))
    with pytest.raises(LimitUsedUp, match="for 31 minutes"):
        api.ask(clock=lambda: sum(api.slept_s))
    # Once a minute, however long the server asks for.
    assert set(api.slept_s) == {60}
    assert len(api.requests) == 32


def test_a_refusal_that_asks_for_nothing_is_an_attempt() -> None:
    answer = Api(httpx.Response(429, headers={"retry-after": "0"})).ask()
    assert (answer.status, answer.attempts, answer.reason) == ("failed", 6, "HTTP 429 after 6 attempts")


def test_hops_of_a_redirect_use_up_the_limit_too() -> None:
    told = {"ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": "7"}
    api = Api(httpx.Response(307, headers={"location": "/moved", **told}), ok())
    assert api.ask().status == "found"
    assert api.slept_s == [7]


def test_the_second_version_is_asked_when_the_first_is_absent() -> None:
    api = Api(httpx.Response(404), ok(), ok())

    async def scenario(client: CallsClient) -> list[Answer]:
        return [await client.get_call("a"), await client.get_call("b")]

    answers = api.run(scenario, api_version="auto")
    assert [answer.status for answer in answers] == ["found", "found"]
    assert [answer.attempts for answer in answers] == [1, 1]
    assert api.paths == ["/v2/get-call/a", "/get-call/a", "/get-call/b"]
    assert api.slept_s == []
    assert api.stats
    assert api.stats.api_version == "v1"


def test_a_call_absent_in_both_versions_decides_nothing() -> None:
    api = Api(httpx.Response(404), httpx.Response(404), ok(), httpx.Response(404))

    async def scenario(client: CallsClient) -> list[str]:
        return [(await client.get_call(call_id)).status for call_id in "abc"]

    assert api.run(scenario, api_version="auto") == ["not_found", "found", "not_found"]
    assert api.paths == ["/v2/get-call/a", "/get-call/a", "/v2/get-call/b", "/v2/get-call/c"]


@pytest.mark.parametrize(("version", "path"), [("v1", "/get-call/a"), ("v2", "/v2/get-call/a")])
def test_with_a_version_given_a_404_is_final(version: str, path: str) -> None:
    api = Api(httpx.Response(404, content=b"no such call"))
    answer = api.ask("a", api_version=version)
    assert (answer.status, answer.http_status, answer.reason) == ("not_found", 404, "HTTP 404")
    assert answer.body == b""
    assert api.paths == [path]


def test_a_retry_does_not_ask_again_for_the_version_that_is_absent() -> None:
    api = Api(httpx.Response(404), httpx.Response(503), ok())
    assert api.ask("a", api_version="auto").status == "found"
    assert api.paths == ["/v2/get-call/a", "/get-call/a", "/get-call/a"]


def test_calls_under_way_while_the_version_is_decided_agree() -> None:
    def by_path(request: httpx.Request) -> httpx.Response:
        return ok() if request.url.path.startswith("/get-call/") else httpx.Response(404)

    async def scenario(client: CallsClient) -> set[str]:
        answers = await asyncio.gather(*(client.get_call(f"call_{number}") for number in range(40)))
        return {answer.status for answer in answers}

    api = Api(by_path)
    assert api.run(scenario, api_version="auto", concurrency=8) == {"found"}
    assert api.stats
    assert api.stats.api_version == "v1"
    assert api.stats.requests <= 40 + 8


@pytest.mark.parametrize("status", [400, 410, 422, 204, 304])
def test_other_statuses_fail_at_once(status: int) -> None:
    api = Api(httpx.Response(status), ok())
    answer = api.ask()
    assert (answer.status, answer.http_status, answer.reason) == ("failed", status, f"HTTP {status}")
    assert answer.attempts == 1


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_retried(status: int) -> None:
    api = Api(httpx.Response(status), httpx.Response(status), ok())
    answer = api.ask()
    assert (answer.status, answer.attempts) == ("found", 3)


def test_a_failure_says_what_and_how_often() -> None:
    answer = Api(httpx.Response(503)).ask()
    assert (answer.status, answer.http_status, answer.attempts) == ("failed", 503, 6)
    assert answer.reason == "HTTP 503 after 6 attempts"
    assert (
        Api(httpx.Response(500)).ask(policy=RetryPolicy(max_attempts=1)).reason == "HTTP 500 after 1 attempt"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ReadTimeout("x"), "timed out after 6 attempts"),
        (httpx.WriteError("x"), "connection broken after 6 attempts"),
        (httpx.ReadError("x"), "connection broken after 6 attempts"),
        (ConnectionResetError("x"), "connection broken after 6 attempts"),
    ],
)
def test_a_transport_error_is_retried_and_then_named(error: Exception, reason: str) -> None:
    api = Api(error)
    answer = api.ask()
    assert (answer.status, answer.http_status, answer.reason) == ("failed", None, reason)
    assert len(api.requests) == 6
    assert Api(error, ok()).ask().status == "found"


def test_retry_after_is_waited_for() -> None:
    api = Api(httpx.Response(503, headers={"retry-after": "9"}), ok())
    api.ask()
    assert api.slept_s == [9]


def test_retry_after_date_is_honoured() -> None:
    api = Api(httpx.Response(503, headers={"retry-after": "Sat, 01 Mar 2025 12:00:41 GMT"}), ok())
    api.ask()
    assert api.slept_s == [41]


def test_concurrency_halves_when_throttled() -> None:
    api = Api(httpx.Response(429), ok())
    api.ask(concurrency=32)
    assert api.stats
    assert api.stats.concurrency == 16


def test_no_slot_is_held_while_waiting_to_try_again() -> None:
    async def scenario() -> list[str]:
        order: list[str] = []

        def handle(request: httpx.Request) -> httpx.Response:
            order.append(request.url.path[-1])
            return httpx.Response(503) if order == ["a"] else ok()

        waiting = asyncio.Event()
        resume = asyncio.Event()

        async def sleep(_: float) -> None:
            waiting.set()
            await resume.wait()

        client = CallsClient(
            base_url="https://api.test",
            api_key=KEY,
            concurrency=1,
            transport=httpx.MockTransport(handle),
            sleep=sleep,
        )
        async with client:
            first = asyncio.create_task(client.get_call("a"))
            await waiting.wait()
            await client.get_call("b")
            resume.set()
            await first
        return order

    assert asyncio.run(scenario()) == ["a", "b", "a"]


def test_a_whole_body_that_cannot_be_landed_is_malformed_at_once() -> None:
    api = Api(ok('{"a": NaN}'))
    answer = api.ask()
    assert (answer.status, answer.http_status, answer.attempts) == ("malformed", 200, 1)
    assert answer.body == b'{"a": NaN}'
    assert answer.parsed is None
    assert answer.fault is not None
    assert answer.fault.path == "$.a"
    assert answer.reason == "NaN and Infinity are not JSON"


def test_a_body_with_broken_syntax_is_retried() -> None:
    api = Api(ok('{"a": "x'), ok('{"a": "xyz"}'))
    answer = api.ask()
    assert (answer.status, answer.attempts, document_of(answer)) == ("found", 2, {"a": "xyz"})


def test_a_body_with_broken_syntax_to_the_end_is_malformed_with_its_last_body() -> None:
    api = Api(ok('{"a'), ok("<html>"))
    answer = api.ask()
    assert (answer.status, answer.attempts, answer.body) == ("malformed", 6, b"<html>")
    assert answer.fault is not None
    assert answer.fault.is_syntax
    assert answer.reason == "not JSON: Expecting value at character 0 after 6 attempts"


def test_a_malformed_payload_does_not_decide_the_version() -> None:
    api = Api(ok('{"a": NaN}'), httpx.Response(404), ok())

    async def scenario(client: CallsClient) -> list[str]:
        return [(await client.get_call(call_id)).status for call_id in "ab"]

    assert api.run(scenario, api_version="auto") == ["malformed", "found"]
    assert api.paths == ["/v2/get-call/a", "/v2/get-call/b", "/get-call/b"]


def test_gzip_is_decoded() -> None:
    packed = gzip.compress(b'{"a": "' + b"x" * 5000 + b'"}')
    api = Api(raw(200, packed, content_encoding="GZIP"))
    assert len(api.ask().body) == 5009
    assert api.stats
    assert api.stats.received_bytes == len(packed)


def test_gzip_in_several_members_is_decoded() -> None:
    packed = gzip.compress(b'{"a":') + gzip.compress(b"") + gzip.compress(b"1}")
    assert document_of(Api(raw(200, packed, content_encoding="x-gzip")).ask()) == {"a": 1}


@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: packed[:40], lambda _: b""])
def test_cut_gzip_is_retried(damage: Callable[[bytes], bytes]) -> None:
    packed = gzip.compress(bytes(f'{{"a": {list(range(900))}}}', "ascii"))
    api = Api(raw(200, damage(packed), content_encoding="gzip"), raw(200, packed, content_encoding="gzip"))
    assert api.ask().attempts == 2
    answer = Api(raw(200, damage(packed), content_encoding="gzip")).ask()
    assert (answer.status, answer.reason) == ("failed", "cut body after 6 attempts")


def test_damaged_gzip_is_retried() -> None:
    answer = Api(raw(200, b"not gzip at all", content_encoding="gzip")).ask()
    assert (answer.status, answer.reason) == ("failed", "damaged gzip body after 6 attempts")


def test_another_encoding_fails_and_is_named() -> None:
    answer = Api(raw(200, b"\x0b\x02\x80", content_encoding="br")).ask()
    assert (answer.status, answer.attempts) == ("failed", 1)
    assert answer.reason == "content-encoding 'br' is not supported"


def test_a_body_over_the_cap_is_malformed_with_its_beginning() -> None:
    api = Api(raw(200, b'{"a": "' + b"x" * (3 * MIB)))
    answer = api.ask(max_body_bytes=2 * MIB)
    assert (answer.status, answer.attempts, answer.reason) == ("malformed", 1, "larger than 2 MiB")
    assert answer.body == b'{"a": "' + b"x" * (MIB - 7)
    assert api.stats
    assert api.stats.received_bytes <= 2 * MIB + 1000


def test_a_body_of_exactly_the_cap_is_accepted() -> None:
    body = b'"' + b"x" * 998 + b'"'
    assert Api(raw(200, body)).ask(max_body_bytes=1000).status == "found"
    assert (
        Api(raw(200, gzip.compress(body), content_encoding="gzip")).ask(max_body_bytes=1000).status == "found"
    )
    assert Api(raw(200, body)).ask(max_body_bytes=999).status == "malformed"
    packed = zlib.compress(body, wbits=31)
    assert Api(raw(200, packed, content_encoding="gzip")).ask(max_body_bytes=999).status == "malformed"


@pytest.mark.parametrize(
    "location",
    ["/moved", "moved", "https://api.test/moved", "https://api.test:443/moved", "//API.test/moved"],
)
def test_a_redirect_to_the_same_origin_is_followed_with_the_key(location: str) -> None:
    api = Api(httpx.Response(307, headers={"location": location}), ok())
    assert api.ask().status == "found"
    assert api.paths[1].endswith("/moved")
    assert api.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert api.requests[1].url.host == "api.test"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/",
        "//evil.test/",
        "http://api.test/",
        "https://api.test:8443/",
        "https://api.test.evil.test/",
        "https://api.test@evil.test/",
        "https://user:word@api.test/",
        "https://evil.test\\@api.test/",
        "ftp://api.test/",
        "file:///etc/hostname",
        "https://api.test:99999/",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(location: str) -> None:
    api = Api(httpx.Response(302, headers={"location": location}), ok())
    answer = api.ask()
    assert len(api.requests) == 1
    assert (answer.status, answer.http_status, answer.attempts) == ("failed", 302, 1)
    assert answer.reason is not None
    assert answer.reason.startswith("HTTP 302 to ")


def test_a_redirect_elsewhere_names_the_host_and_the_setting() -> None:
    reason = Api(httpx.Response(301, headers={"location": "https://evil.test/x?token=1"})).ask().reason
    assert reason == "HTTP 301 to https://evil.test, where the key is not sent: check RETELL_BASE_URL"


def test_a_redirect_to_https_on_the_same_host_is_followed() -> None:
    api = Api(httpx.Response(308, headers={"location": "https://localhost/x"}), ok())
    assert api.ask(base_url="http://localhost").status == "found"
    assert str(api.requests[1].url) == "https://localhost/x"


@pytest.mark.parametrize(
    "location", ["https://[::1/", "https://api.test:99999999/", "//\u2100.test/", "/" + "x" * 65_535]
)
def test_a_redirect_to_no_url_at_all_fails_at_once(location: str) -> None:
    api = Api(httpx.Response(302, headers=[(b"location", location.encode())]))
    answer = api.ask()
    assert (answer.status, answer.http_status, answer.attempts) == ("failed", 302, 1)
    assert answer.reason is not None
    assert answer.reason.startswith("HTTP 302 to ")
    assert len(answer.reason) < 200


def test_redirects_without_end_are_given_up() -> None:
    api = Api(httpx.Response(302, headers={"location": "/again"}))
    answer = api.ask()
    assert (answer.status, answer.reason) == ("failed", "redirected more than 5 times")
    assert len(api.requests) == 6


def test_an_outage_costs_no_call_its_attempts_and_few_requests() -> None:
    api = Api(ok(), *[httpx.ConnectError("x")] * 12, ok())

    async def scenario(client: CallsClient) -> list[str]:
        first = await client.get_call("call_0")
        rest = await asyncio.gather(*(client.get_call("call_1") for _ in range(3)))
        return [answer.status for answer in (first, *rest)]

    assert api.run(scenario, concurrency=3) == ["found"] * 4
    # Three were under way when it began; after them one at a time, each later than the one before.
    assert len(api.requests) == 1 + 12 + 3
    pauses = [seconds for seconds in api.slept_s if seconds]
    assert pauses[:6] == [0.5, 1, 2, 4, 8, 10]
    assert set(pauses[6:]) == {10}


def test_an_outage_that_lasts_for_minutes_ends_the_run() -> None:
    api = Api(ok(), httpx.ConnectError("x"))

    async def scenario(client: CallsClient) -> None:
        await client.get_call("call_0")
        with pytest.raises(NoConnection, match=r"could not connect; tried 22 times"):
            await client.get_call("call_1")

    api.run(scenario, concurrency=1)
    assert len(api.requests) == 1 + 22
    assert 170 < sum(api.slept_s) <= 180


def test_where_nobody_has_ever_answered_the_run_ends_after_seconds() -> None:
    api = Api(httpx.ConnectError("x"))
    with pytest.raises(NoConnection, match=r"no connection to https://api.test .*tried 4 times"):
        api.ask()
    assert sum(api.slept_s) < 5


def test_calls_failing_in_a_row_stop_the_run() -> None:
    api = Api(httpx.Response(503))

    async def scenario(client: CallsClient) -> None:
        for number in range(25):
            assert (await client.get_call(f"call_{number}")).status == "failed"
        with pytest.raises(ApiUnreachable) as caught:
            await client.get_call("call_25")
        assert caught.value.failures == 25
        assert "HTTP 503 after 6 attempts" in str(caught.value)

    api.run(scenario)
    assert len(api.requests) == 25 * 6


@pytest.mark.parametrize("status", [200, 404, 422])
def test_one_proper_answer_between_failures_keeps_the_run_going(status: int) -> None:
    once = RetryPolicy(max_attempts=1)
    api = Api(*[httpx.Response(503)] * 24, httpx.Response(status, content=b"{}"), httpx.Response(503))

    async def scenario(client: CallsClient) -> int:
        return len([await client.get_call(f"call_{number}") for number in range(49)])

    assert api.run(scenario, policy=once) == 49


def test_calls_failing_side_by_side_stop_the_run_too() -> None:
    async def scenario(client: CallsClient) -> bool:
        async def worker() -> None:
            for _ in range(50):
                await client.get_call("call_1")

        results = await asyncio.gather(*(worker() for _ in range(8)), return_exceptions=True)
        return all(isinstance(result, ApiUnreachable) for result in results)

    api = Api(httpx.ConnectError("x"))
    assert api.run(scenario, policy=RetryPolicy(max_attempts=1), concurrency=8)
    assert len(api.requests) <= 25 + 8


def test_a_cancelled_call_leaves_the_client_usable() -> None:
    async def scenario() -> str:
        entered = asyncio.Event()

        async def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("hang"):
                entered.set()
                await asyncio.Event().wait()
            return ok()

        client = CallsClient(
            base_url="https://api.test", api_key=KEY, concurrency=1, transport=httpx.MockTransport(handle)
        )
        async with client:
            task = asyncio.create_task(client.get_call("hang"))
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return (await client.get_call("a")).status

    assert asyncio.run(scenario()) == "found"


def test_the_key_and_the_payload_appear_in_no_representation_or_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    api = Api(httpx.Response(503), ok('{"transcript": "hello there"}'))
    shown: list[str] = []

    async def scenario(client: CallsClient) -> Answer:
        shown.extend([repr(client), str(client.stats)])
        return await client.get_call("call_1")

    answer = api.run(scenario)
    with pytest.raises(KeyRefused) as caught:
        Api(httpx.Response(401)).ask()
    shown.extend([repr(answer), str(answer), caplog.text, repr(caught.value), str(caught.value)])
    for text in shown:
        assert KEY not in text
        assert "hello there" not in text
