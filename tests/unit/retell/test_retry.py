"""What is tried again, when, and when it is given up, with a clock that only moves by sleeping."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.retell.failures import Retriable, find_tls_problem, read_transport_error
from pipeline.retell.retry import RetryPolicy, is_retriable, read_retry_after

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


def run(policy: RetryPolicy, attempt: Callable[[int], Awaitable[Any]], time: Time, rng: float = 1.0) -> Any:
    return asyncio.run(policy.call(attempt, clock=time.clock, sleep=time.sleep, rng=lambda: rng))


def failing(times: int, *, retry_after: float | None = None) -> Callable[[int], Awaitable[int]]:
    async def attempt(number: int) -> int:
        if number <= times:
            raise Retriable(f"failure {number}", status=503, retry_after_s=retry_after)
        return number

    return attempt


def test_a_success_is_returned_without_waiting() -> None:
    time = Time()
    assert run(RetryPolicy(), failing(0), time) == 1
    assert time.slept_s == []


def test_waits_double_up_to_the_limit() -> None:
    time = Time()
    assert run(RetryPolicy(max_attempts=9), failing(8), time) == 9
    assert time.slept_s == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_wait_is_anything_from_nothing_to_its_ceiling() -> None:
    time = Time()
    run(RetryPolicy(), failing(3), time, rng=0.0)
    run(RetryPolicy(), failing(3), time, rng=0.25)
    assert time.slept_s == [0, 0, 0, 0.125, 0.25, 0.5]


def test_the_last_failure_is_raised_when_the_attempts_are_used_up() -> None:
    time = Time()
    with pytest.raises(Retriable) as caught:
        run(RetryPolicy(), failing(99), time)
    assert caught.value.reason == "failure 6"
    assert len(time.slept_s) == 5


def test_no_wait_outlasts_the_budget() -> None:
    time = Time()
    with pytest.raises(Retriable) as caught:
        run(RetryPolicy(max_attempts=100, budget_s=20), failing(99), time)
    assert caught.value.reason == "failure 6"
    assert sum(time.slept_s) == 15.5


def test_time_spent_in_attempts_uses_up_the_budget() -> None:
    time = Time()

    async def slow(number: int) -> None:
        time.now_s += 70
        raise Retriable("timed out")

    with pytest.raises(Retriable):
        run(RetryPolicy(), slow, time)
    assert len(time.slept_s) == 2


def test_retry_after_is_waited_for_at_least() -> None:
    time = Time()
    run(RetryPolicy(), failing(2, retry_after=7), time)
    run(RetryPolicy(), failing(1, retry_after=0.1), time)
    assert time.slept_s == [7, 7, 0.5]


def test_retry_after_is_capped() -> None:
    time = Time()
    run(RetryPolicy(), failing(1, retry_after=86_400), time)
    assert time.slept_s == [60]


def test_a_retry_after_beyond_the_budget_is_given_up_at_once() -> None:
    time = Time()
    with pytest.raises(Retriable):
        run(RetryPolicy(budget_s=30), failing(1, retry_after=31), time)
    assert time.slept_s == []


def test_other_errors_are_not_retried() -> None:
    time = Time()

    async def broken(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        run(RetryPolicy(), broken, time)
    assert time.slept_s == []


def test_a_cancellation_passes_at_once() -> None:
    async def scenario() -> None:
        entered = asyncio.Event()

        async def hanging(number: int) -> None:
            entered.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(RetryPolicy().call(hanging))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_policy_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RetryPolicy().max_attempts = 7  # type: ignore[misc]


@settings(deadline=None)
@given(
    st.integers(1, 10_000),
    st.none() | st.floats(0, 1e9),
    st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_between_what_was_asked_and_the_caps(
    attempt: int, asked_s: float | None, chance: float
) -> None:
    policy = RetryPolicy()
    wait_s = policy.wait_s(attempt, asked_s, lambda: chance)
    assert wait_s >= min(asked_s or 0, policy.retry_after_cap_s)
    assert wait_s <= max(policy.max_wait_s, policy.retry_after_cap_s)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 599])
def test_statuses_that_may_pass_are_retried(status: int) -> None:
    assert is_retriable(status)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 410, 422, 451, 600])
def test_other_statuses_are_final(status: int) -> None:
    assert not is_retriable(status)


def test_retry_after_in_seconds_is_honoured() -> None:
    assert read_retry_after({"retry-after": " 12 "}, NOW) == 12
    assert read_retry_after({"retry-after": "0"}, NOW) == 0
    assert read_retry_after({"retry-after": "1.5"}, NOW) == 1.5


def test_retry_after_date_is_honoured() -> None:
    date = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    assert read_retry_after({"retry-after": date}, NOW) == 90
    assert read_retry_after({"retry-after": "Sat, 01 Mar 2025 12:00:05 -0000"}, NOW) == 5
    assert read_retry_after({"retry-after": "Saturday, 01-Mar-25 12:00:05 GMT"}, NOW) == 5


def test_a_date_is_read_by_the_clock_of_the_server() -> None:
    date, ahead = (format_datetime(NOW + timedelta(seconds=s), usegmt=True) for s in (3600, 3607))
    assert read_retry_after({"retry-after": ahead, "date": date}, NOW) == 7
    # A server that agrees is asked for whole seconds only.
    assert read_retry_after({"retry-after": ahead, "date": "Sat, 01 Mar 2025 11:59:58 GMT"}, NOW) == 3607


def test_retry_after_ms_beats_retry_after() -> None:
    assert read_retry_after({"retry-after-ms": "250", "retry-after": "9"}, NOW) == 0.25
    assert read_retry_after({"retry-after-ms": "soon", "retry-after": "9"}, NOW) == 9


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "-5", "nan", "inf", "1e9", "٣", "9" * 500, "12 s",
        "Sat, 01 Mar 2025 11:59:59 GMT", "Sat, 99 Mar 2025 99:99:99 GMT", "Sat, 01 Mar 99999 12:00:00 GMT",
    ],
)  # fmt: skip
def test_garbage_and_past_dates_are_ignored(text: str) -> None:
    assert read_retry_after({"retry-after": text}, NOW) is None


@settings(deadline=None)
@given(st.text("0123456789.-+ :,GMTSatMr\n\x00é", max_size=40))
def test_no_header_breaks_the_reading(text: str) -> None:
    wait_s = read_retry_after({"retry-after": text, "retry-after-ms": text}, NOW)
    assert wait_s is None or wait_s >= 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ReadTimeout("x"), "timed out"),
        (httpx.PoolTimeout("x"), "timed out"),
        (TimeoutError(), "timed out"),
        (httpx.ConnectTimeout("x"), "connecting timed out"),
        (httpx.ConnectError("x"), "could not connect"),
        (httpx.ReadError("x"), "connection broken"),
        (ConnectionResetError("x"), "connection broken"),
        (httpx.RemoteProtocolError("payload"), "connection closed before the answer was complete"),
    ],
)
def test_a_transport_error_is_named_without_its_own_text(error: Exception, reason: str) -> None:
    assert read_transport_error(error).reason == reason


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_nobody_to_ask_is_told_from_an_answer_that_broke_off() -> None:
    unknown = caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"))
    assert read_transport_error(unknown).reason == "the name of the host cannot be resolved"
    for error in (unknown, httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.ProxyError("x")):
        assert not read_transport_error(error).is_attempt
    for error in (httpx.ReadError("x"), httpx.ReadTimeout("x"), ConnectionResetError("x")):
        assert read_transport_error(error).is_attempt


def test_distrust_is_named_in_words_of_openssl() -> None:
    untrusted = ssl.SSLCertVerificationError(1, "x")
    untrusted.verify_message = "self-signed certificate"
    said = "its certificate is not trusted: self-signed certificate"
    assert find_tls_problem(caused(httpx.ConnectError("x"), untrusted)) == said
    assert find_tls_problem(httpx.ConnectError("x")) is None


def test_attempts_that_found_nobody_count_for_nothing() -> None:
    time = Time()
    nobody = [Retriable("could not connect", is_attempt=False)] * 50
    failures = iter([*nobody, *[Retriable("HTTP 503")] * 5])

    async def attempt(number: int) -> int:
        if (failure := next(failures, None)) is not None:
            raise failure
        return number

    assert asyncio.run(RetryPolicy().call(attempt, clock=time.clock, sleep=time.sleep)) == 6
