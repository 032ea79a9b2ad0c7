"""A run that the account limits says so, and how long it still takes, from the first window on."""

from __future__ import annotations

import pytest

from pipeline.cli.progress import RunProgress
from pipeline.retell.account_pace import AccountPace, describe_rate

TOTAL = 400


class Run:
    """A run of 400 calls on a clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.progress = RunProgress(lambda: self.now_s)
        self.progress.add_total(TOTAL)

    def fetch(self, calls: int, pace: AccountPace | None = None) -> None:
        for _ in range(calls):
            if pace is not None:
                self.progress.set_account(pace)
            self.progress.count_call()

    @property
    def left_s(self) -> float | None:
        return self.progress.estimate_left_s()


def pace(left: int, ends_in_s: float, *, holds: bool = False, share: float = 1.0) -> AccountPace:
    return AccountPace(100, 10.0, left, ends_in_s, share, has_held=holds, is_holding=holds)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (10, "10 calls"),
        (7.5, "7.5 calls"),
        (1.5, "1.5 calls"),
        (0.0278, "0.0278 calls"),
        (1000, "1,000 calls"),
    ],
)
def test_a_rate_is_told_as_a_person_would(rate: float, words: str) -> None:
    assert describe_rate(rate) == f"limited by the account: {words} a second"


def test_without_a_limit_the_speed_so_far_tells() -> None:
    run = Run()
    assert run.left_s is None
    run.now_s += 10
    run.fetch(100)
    assert run.left_s == pytest.approx(30)


def test_the_burst_of_the_first_window_deceives_nobody() -> None:
    run = Run()
    run.now_s += 0.1
    run.fetch(20, pace(left=80, ends_in_s=9.9))
    assert run.left_s == pytest.approx(29.9)


def test_a_wait_for_the_next_window_deceives_nobody() -> None:
    run = Run()
    run.now_s += 0.5
    run.fetch(100, pace(left=0, ends_in_s=9.5, holds=True))
    assert run.left_s == pytest.approx(29.5)
    run.now_s += 9.5
    run.fetch(1, pace(left=99, ends_in_s=10, holds=True))
    assert run.left_s == pytest.approx(20)
    run.now_s += 20
    run.fetch(210, pace(left=90, ends_in_s=10, holds=True))
    assert run.left_s == 0


def test_what_others_use_is_not_counted_on() -> None:
    run = Run()
    run.fetch(100, pace(left=0, ends_in_s=10, holds=True, share=0.5))
    assert run.left_s == pytest.approx(60)


def test_a_slow_run_within_the_limit_is_told_by_its_speed() -> None:
    run = Run()
    run.now_s += 20
    run.fetch(40, pace(left=60, ends_in_s=5))
    assert run.left_s == pytest.approx(180)


def test_a_line_says_what_limits_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    run.fetch(100, pace(left=0, ends_in_s=10, holds=True))
    run.now_s += 10
    run.fetch(1, pace(left=99, ends_in_s=10, holds=True))
    assert capsys.readouterr().err == (
        "101 of 400 calls, 10/s, about 20 s left, 0 loaded, 0 retries, "
        "limited by the account: 10 calls a second\n"
    )


def test_a_line_of_a_run_without_limit_is_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    run.now_s += 10
    run.fetch(1, pace(left=99, ends_in_s=10))
    assert capsys.readouterr().err == "1 of 400 calls, 0/s, about 3,990 s left, 0 loaded, 0 retries\n"
