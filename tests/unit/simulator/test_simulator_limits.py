"""The simulator's limits admit what they say in each window, and the headers tell it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from pipeline.simulator.limits import LimitCounter, Limits, Window

TEN = Limits(general=Window(10, 5), listing=Window(2, 5))


class Server:
    """A counter on a clock that a test moves."""

    def __init__(self, limits: Limits) -> None:
        self.now_s = 100.0
        self.counter = LimitCounter(limits, lambda: self.now_s)

    def ask(self, times: int = 1, limiter: str = "general") -> list[tuple[bool, dict[str, str]]]:
        answers = [self.counter.admit(limiter) for _ in range(times)]  # type: ignore[arg-type]
        return [(is_admitted, dict(headers)) for is_admitted, headers in answers]

    def count_admitted(self, times: int, limiter: str = "general") -> int:
        return sum(is_admitted for is_admitted, _ in self.ask(times, limiter))


def test_a_window_admits_its_limit_and_the_next_one_as_many_again() -> None:
    server = Server(TEN)
    assert server.count_admitted(14) == 10
    server.now_s += 4.9
    assert server.count_admitted(1) == 0
    server.now_s += 0.1
    assert server.count_admitted(14) == 10


def test_calls_and_the_listing_have_a_limit_each() -> None:
    server = Server(TEN)
    assert server.count_admitted(3, "list") == 2
    assert server.count_admitted(14) == 10


def test_headers_say_what_is_left_and_until_when() -> None:
    server = Server(TEN)
    (_, first), *_, (_, last) = server.ask(10)
    assert first == {"ratelimit-limit": "10", "ratelimit-remaining": "9", "ratelimit-reset": "5"}
    assert last["ratelimit-remaining"] == "0"
    server.now_s += 1.2
    ((is_admitted, refused),) = server.ask()
    assert not is_admitted
    assert refused == last | {"ratelimit-reset": "4", "x-ratelimit-limiter": "general"}


def test_seconds_can_be_rounded_down() -> None:
    server = Server(replace(TEN, rounding="down"))
    server.ask()
    server.now_s += 0.1
    assert server.ask()[0][1]["ratelimit-reset"] == "4"


@pytest.mark.parametrize(("headers", "admitted", "refused"), [("refused", 0, 4), ("none", 0, 0)])
def test_headers_can_be_left_out(headers: str, admitted: int, refused: int) -> None:
    server = Server(replace(TEN, headers=headers))  # type: ignore[arg-type]
    answers = server.ask(11)
    assert [len(answers[0][1]), len(answers[-1][1])] == [admitted, refused]


def test_a_date_to_come_back_is_one_of_the_servers_clock() -> None:
    server = Server(replace(TEN, retry_after="date", clock_ahead_s=3600))
    headers = server.ask(11)[-1][1]
    date = parsedate_to_datetime(headers["date"])
    assert 3590 < (date - datetime.now(UTC)).total_seconds() < 3601
    assert 5 <= (parsedate_to_datetime(headers["retry-after"]) - date).total_seconds() <= 7


def test_limits_change_while_a_window_goes_on() -> None:
    lower = replace(TEN, general=Window(4, 5))
    server = Server(replace(TEN, later=((1, lower), (2, replace(TEN, general=None)))))
    assert server.count_admitted(6) == 6
    server.now_s += 1
    ((is_admitted, headers),) = server.ask()
    assert (is_admitted, headers["ratelimit-limit"], headers["ratelimit-remaining"]) == (False, "4", "0")
    server.now_s += 1
    assert server.ask() == [(True, {})]


def test_at_first_all_can_be_refused_without_a_word() -> None:
    server = Server(replace(TEN, refuses_all_s=60))
    assert server.ask() == [(False, {})]
    server.now_s += 60
    assert server.count_admitted(14) == 10


@pytest.mark.parametrize("text", ["", "100", "100:", "0:10", "1:0", "-1:10", "1:-1", "1:inf", "1:nan", "a:b"])
def test_text_that_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a limit such as 100:10"):
        Window.read(text)


def test_a_limit_is_read() -> None:
    assert Window.read("15:2.5") == Window(15, 2.5)
