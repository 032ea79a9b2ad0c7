"""What a run lands is handed over once and in order, and whoever waits for it learns of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.landing.folder import LandedChunk
from pipeline.load.chunk_queue import Arrivals
from support.threads import DEADLINE_S, begun


def chunk(name: str, records: int = 1) -> LandedChunk:
    return LandedChunk(name, Path(f"{name}.json"), None, records, 0, None)


def names(chunks: list[LandedChunk]) -> list[str]:
    return [chunk.chunk_id for chunk in chunks]


class Watched(Arrivals):
    """Tells how many have begun to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)

    def _has(self, records: int) -> bool:
        self.begun.release()
        return super()._has(records)


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


def test_chunks_are_taken_in_the_order_in_which_they_were_put_and_once(arrivals: Arrivals) -> None:
    for name in "bac":
        arrivals.put(chunk(name))
    assert names(arrivals.take()) == ["b", "a", "c"]
    assert arrivals.take() == []


def test_chunks_that_are_given_back_come_before_all_others_in_their_order(arrivals: Arrivals) -> None:
    for name in "abc":
        arrivals.put(chunk(name))
    taken = arrivals.take()
    arrivals.put(chunk("d"))
    arrivals.give_back(iter(taken[1:]))
    arrivals.give_back([])
    assert names(arrivals.take()) == ["b", "c", "d"]


def test_what_was_taken_is_the_takers_own(arrivals: Arrivals) -> None:
    arrivals.put(chunk("a"))
    taken = arrivals.take()
    arrivals.put(chunk("b"))
    assert names(taken) == ["a"]


@pytest.mark.parametrize(
    ("there", "awaited", "is_enough"),
    [
        ([], 0, False),
        ([0], 0, True),
        ([0, 0], 1, False),
        ([5], 5, True),
        ([5], 6, False),
        ([2, 0, 3], 5, True),
        ([2, 0, 3], 6, False),
        # Nothing is missing, and yet there is nothing to take.
        ([], -1, False),
        ([0], -1, True),
    ],
)
def test_a_wait_is_for_a_chunk_even_one_without_payloads_and_for_so_many_payloads_in_all(
    arrivals: Arrivals, there: list[int], awaited: int, is_enough: bool
) -> None:
    for records in there:
        arrivals.put(chunk("a", records))
    assert begun(lambda: arrivals.wait(awaited, 0)).result(DEADLINE_S) is is_enough
    assert len(arrivals.take()) == len(there), "to wait takes nothing"


def test_what_was_taken_is_waited_for_no_more_and_what_was_given_back_is_there(arrivals: Arrivals) -> None:
    arrivals.put(chunk("a", 5))
    taken = arrivals.take()
    assert not arrivals.wait(0, 0)
    arrivals.give_back(taken)
    assert arrivals.wait(5, 0)


def test_after_the_end_nobody_waits_whatever_is_there(arrivals: Arrivals) -> None:
    assert not arrivals.has_ended
    assert not arrivals.wait_for_end(0)
    arrivals.put(chunk("a", 5))
    assert not arrivals.wait_for_end(0)
    arrivals.end()
    arrivals.end()
    assert arrivals.has_ended
    assert arrivals.wait_for_end(0)
    assert arrivals.wait(6, 0)
    assert names(arrivals.take()) == ["a"]
    assert arrivals.wait(6, 0)


def test_it_is_over_when_it_has_ended_and_all_is_taken_and_not_given_back(arrivals: Arrivals) -> None:
    assert not arrivals.is_over
    arrivals.put(chunk("a", 0))
    assert not arrivals.is_over
    arrivals.end()
    assert not arrivals.is_over
    taken = arrivals.take()
    assert arrivals.is_over
    arrivals.give_back(taken)
    assert not arrivals.is_over


@pytest.mark.parametrize("limit_s", [None, 1000.0])
@pytest.mark.parametrize(
    "news",
    [
        lambda arrivals: [arrivals.put(chunk(name, 5)) for name in "ab"],
        lambda arrivals: arrivals.give_back([chunk("a", 10)]),
        Arrivals.end,
    ],
    ids=["enough was put", "enough was given back", "the end"],
)
def test_all_who_wait_learn_of_it_at_once(news: Callable[[Arrivals], None], limit_s: float | None) -> None:
    arrivals = Watched()
    waiters = [begun(lambda: arrivals.wait(10, limit_s)) for _ in range(3)]
    for _ in waiters:
        assert arrivals.begun.acquire(timeout=DEADLINE_S)
    news(arrivals)
    assert [waiter.result(DEADLINE_S) for waiter in waiters] == [True] * 3


def test_who_waits_for_the_end_learns_of_nothing_else() -> None:
    arrivals = Arrivals()
    waiters = [begun(lambda: arrivals.wait_for_end(1000)) for _ in range(3)]
    arrivals.put(chunk("a"))
    assert not any(waiter.done() for waiter in waiters)
    arrivals.end()
    assert [waiter.result(DEADLINE_S) for waiter in waiters] == [True] * 3


def test_however_many_put_and_take_at_a_time_each_chunk_is_taken_once_and_each_ones_in_order(
    arrivals: Arrivals,
) -> None:
    numbers = range(300)

    def put(name: str) -> None:
        for number in numbers:
            arrivals.put(chunk(name, number))

    def take() -> list[LandedChunk]:
        taken: list[LandedChunk] = []
        while not arrivals.is_over:
            arrivals.wait(0)
            taken += arrivals.take()
        return taken

    takers = [begun(take) for _ in range(2)]
    putters = [begun(lambda name=name: put(name)) for name in "abc"]  # type: ignore[misc]
    for putter in putters:
        putter.result(DEADLINE_S)
    arrivals.end()
    taken = [[(one.chunk_id, one.record_count) for one in taker.result(DEADLINE_S)] for taker in takers]
    assert sorted(taken[0] + taken[1]) == [(name, number) for name in "abc" for number in numbers]
    for one in taken:
        for name in "abc":
            of_one_putter = [number for putter, number in one if putter == name]
            assert of_one_putter == sorted(of_one_putter)
