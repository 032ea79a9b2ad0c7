"""A client follows the windows of all kinds of servers, on virtual time: nothing fails, little is refused.

Ideal is what the server lets through: a limit at once, and then a limit in each window.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ApiUnreachable
from pipeline.retell.account import Account, share_account
from support.limited_fetch import assert_all_found, fetch, fetch_side_by_side
from support.limited_servers import FixedWindow, LimitedServer, Model, SlidingWindow, TokenBucket
from support.virtual_time import now_s, run

_MODELS: dict[str, Callable[[], Model]] = {
    "fixed": FixedWindow,
    "by the clock": lambda: FixedWindow(is_aligned=True),
    "sliding": SlidingWindow,
    "bucket": lambda: TokenBucket(resets_when_full=False),
}


@pytest.mark.parametrize("reset", ["up", "down", "exact", "epoch", "date"])
@pytest.mark.parametrize("model", _MODELS)
def test_windows_are_followed_however_they_are_told(model: str, reset: str) -> None:
    server = LimitedServer(_MODELS[model](), reset=reset)
    fetched = run(fetch(server))
    assert_all_found(server)
    assert fetched.most_attempts == 1
    assert fetched.seconds <= 1.15 * 30
    # A bucket that rounds its seconds down says 0 all the time.
    assert server.counts[429] <= (8 if (model, reset) == ("bucket", "down") else 4)


@pytest.mark.parametrize("retry_after", ["seconds", "date"])
@pytest.mark.parametrize("clock_ahead_s", [0, 3600, -3600])
@pytest.mark.parametrize(("headers", "refusals"), [("all", 4), ("refused", 18), ("none", 36)])
def test_a_refusal_tells_as_well(retry_after: str, clock_ahead_s: float, headers: str, refusals: int) -> None:
    server = LimitedServer(headers=headers, retry_after=retry_after, clock_ahead_s=clock_ahead_s)
    fetched = run(fetch(server))
    assert_all_found(server)
    assert fetched.most_attempts == 1
    # A date has whole seconds, and one of another clock is compared with another such date.
    assert fetched.seconds <= (1.3 if clock_ahead_s else 1.15) * 30
    # Where only refusals tell, those that are under way meet the first one together.
    assert server.counts[429] <= refusals


@settings(max_examples=30, deadline=None)
@given(
    limit=st.integers(3, 150),
    seconds=st.floats(0.5, 20),
    concurrency=st.integers(1, 64),
    latency_s=st.floats(0.001, 0.4),
    model=st.sampled_from(sorted(_MODELS)),
    reset=st.sampled_from(["up", "down", "exact", "epoch"]),
    headers=st.sampled_from(["all", "refused"]),
)
def test_nothing_fails_and_the_limit_is_used(
    limit: int, seconds: float, concurrency: int, latency_s: float, model: str, reset: str, headers: str
) -> None:
    server = LimitedServer(_MODELS[model](), headers=headers, reset=reset, latency_s=latency_s)
    assert server.model is not None
    server.model.limit, server.model.seconds = limit, seconds
    calls = 3 * limit
    fetched = run(fetch(server, calls, concurrency=concurrency))
    assert_all_found(server, calls)
    assert fetched.most_attempts == 1
    # In each window: a reset that is rounded up, what goes one after the other, and looks.
    slowest_s = 3 * (seconds + 2.5 + latency_s * (3 + 2 * limit / min(concurrency, limit))) + 2
    assert fetched.seconds <= slowest_s + (3 * limit * latency_s if headers == "refused" else 0)


@pytest.mark.parametrize("after_s", [0, 0.03, 3.3])
@pytest.mark.parametrize("reset", ["up", "down"])
def test_processes_see_each_other_in_what_remains(after_s: float, reset: str) -> None:
    server = LimitedServer(reset=reset)
    run(fetch_side_by_side(server, 2, 200, after_s=after_s))
    assert_all_found(server)
    assert max(server.admitted_at_s) <= 1.15 * 30
    assert server.counts[429] <= 8


def test_five_processes_do_not_drive_each_other_out() -> None:
    server = LimitedServer()
    fetched = run(fetch_side_by_side(server, 5, 80, after_s=0.03))
    assert_all_found(server)
    assert max(server.admitted_at_s) <= 1.15 * 30
    assert server.counts[429] <= 20
    assert {each.most_attempts for each in fetched} == {1}


def test_clients_of_one_process_share_what_they_know() -> None:
    server = LimitedServer()

    async def scenario() -> None:
        await fetch_side_by_side(server, 2, 200, after_s=0.03, account=Account(now_s))

    run(scenario())
    assert_all_found(server)
    assert server.counts[429] == 0


def test_an_account_is_shared_by_key_and_address() -> None:
    account = share_account("https://api.test", "key_a")
    assert share_account("https://api.test", "key_a") is account
    assert share_account("https://api.test", "key_b") is not account
    assert share_account("https://other.test", "key_a") is not account


def test_a_limit_that_is_lowered_and_raised_is_followed() -> None:
    def change(server: LimitedServer, since_s: float) -> None:
        assert server.model is not None
        server.model.limit = 100 if since_s < 5 else 50 if since_s < 15 else 300

    server = LimitedServer(change=change)
    run(fetch(server))
    assert_all_found(server)
    # 100 at once, 50 after 10 s, 250 of 300 after 20 s.
    assert max(server.admitted_at_s) <= 1.3 * 20
    assert server.counts[429] <= 4


@pytest.mark.parametrize("limit", [100, 50, 300, None])
def test_a_limit_of_which_nothing_tells_any_more_is_remembered(limit: int | None) -> None:
    def change(server: LimitedServer, since_s: float) -> None:
        if since_s > 5:
            server.headers = "none"
            if limit is None:
                server.model = None
            elif server.model is not None:
                server.model.limit = limit

    server = LimitedServer(change=change)
    fetched = run(fetch(server))
    assert_all_found(server)
    assert fetched.most_attempts == 1
    ideal_s = {100: 30, 50: 60, 300: 20, None: 10}[limit]
    # Where more is let through than before, this has to be found out.
    assert fetched.seconds <= (1.15 * ideal_s if limit in (50, 100) else ideal_s + 12)


def test_the_rate_stays_a_ceiling() -> None:
    server = LimitedServer(jitter=0)
    run(fetch(server, rate=20))
    assert all(later - earlier > 0.049 for earlier, later in pairwise(server.admitted_at_s))
    assert server.counts[429] == 0


def test_the_concurrency_is_not_cut_where_the_window_is_what_refuses() -> None:
    fetched = run(fetch(LimitedServer(headers="refused")))
    assert fetched.stats.throttled > 1
    assert fetched.stats.concurrency == 16


def test_a_server_without_limits_is_asked_as_fast_as_ever() -> None:
    server = LimitedServer(model=None, jitter=0)
    fetched = run(fetch(server, 1601))
    assert fetched.seconds == pytest.approx(101 * server.latency_s)
    assert fetched.stats.account is None
    assert fetched.stats.account_rate is None


def test_a_limit_that_is_never_reached_holds_nothing_back() -> None:
    server = LimitedServer(latency_s=3, jitter=0)
    fetched = run(fetch(server, 161))
    assert fetched.seconds == pytest.approx(11 * server.latency_s)
    assert fetched.stats.account is not None
    assert fetched.stats.account_rate is None


@pytest.mark.parametrize(("limit", "seconds", "rate"), [(100, 10.0, 10), (15, 10.0, 1.5), (20, 1.0, 20)])
def test_what_the_account_lets_through_is_told(limit: int, seconds: float, rate: float) -> None:
    fetched = run(fetch(LimitedServer(FixedWindow(limit, seconds)), 4 * limit))
    assert fetched.stats.account_rate == pytest.approx(rate)


def test_five_minutes_of_429_without_a_word_leave_no_trace() -> None:
    server = LimitedServer(model=None, refuses_until_s=300)
    fetched = run(fetch(server, 900, rate=8))
    first_s = server.admitted_at_s[0]
    assert first_s < 311
    in_a_minute = [at_s for at_s in server.admitted_at_s if first_s + 60 <= at_s < first_s + 100]
    assert len(in_a_minute) >= 0.95 * 8 * 40
    assert fetched.outcomes["found"] >= 895
    assert fetched.outcomes.total() == 900


def test_five_minutes_of_429_without_a_word_in_the_middle_lose_nothing() -> None:
    def change(server: LimitedServer, since_s: float) -> None:
        server.refuses_until_s = 315 if since_s > 15 else 0

    server = LimitedServer(change=change)
    fetched = run(fetch(server))
    assert_all_found(server)
    assert fetched.seconds <= 315 + 60


def test_twenty_minutes_of_429_without_a_word_are_waited_for_by_few_calls() -> None:
    server = LimitedServer(refuses_until_s=1200)
    fetched = run(fetch(server, 100))
    assert fetched.outcomes == {"found": server.counts[200], "failed": 100 - server.counts[200]}


def test_an_hour_of_429_without_a_word_ends_with_a_sentence() -> None:
    said = "25 calls in a row failed .* HTTP 429 after 6 attempts.* this account.* the same command again"
    with pytest.raises(ApiUnreachable, match=said):
        run(fetch(LimitedServer(refuses_until_s=3600), 2000))


def test_a_slow_answer_holds_a_new_window_up_for_a_second_only() -> None:
    slow_s = 45.0

    class FirstOfWindowIsSlow(LimitedServer):
        async def handle_async_request(self, request):  # type: ignore[no-untyped-def]
            is_first = self.counts[200] == 100
            response = await super().handle_async_request(request)
            if is_first:
                await asyncio.sleep(slow_s)
            return response

    server = FirstOfWindowIsSlow()
    run(fetch(server, 290))
    assert_all_found(server, 290)
    assert server.admitted_at_s[150] < 13
    assert server.admitted_at_s[-1] < 25


def test_a_request_that_is_cancelled_gives_its_permit_back() -> None:
    async def scenario() -> None:
        account = Account(now_s)
        server = LimitedServer(FixedWindow(5, 10))
        fetching = asyncio.create_task(fetch(server, 100, account=account))
        await asyncio.sleep(0.2)
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)
        assert account.limits["get"]._under_way == 0
        assert (await fetch(server, 10, account=account)).outcomes == {"found": 10}

    run(scenario())


def test_an_estimate_counts_the_windows_that_are_still_needed() -> None:
    async def scenario() -> None:
        account = Account(now_s)
        server = LimitedServer()
        await fetch(server, 50, account=account)
        pace = account.limits["get"].pace
        assert pace is not None
        assert pace.rate == 10
        assert pace.estimate_s(50) == 0
        elapsed_s = now_s() - 1000
        assert pace.estimate_s(51) == pytest.approx(10 - elapsed_s, abs=0.1)
        assert pace.estimate_s(350) == pytest.approx(30 - elapsed_s, abs=0.1)

    run(scenario())
