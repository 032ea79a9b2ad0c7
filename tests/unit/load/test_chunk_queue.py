"""What a run lands waits once and in order, is lost by no failure, and whoever waits for it learns of it."""

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipeline.landing.chunk import LandedChunk
from pipeline.load.chunk_queue import ChunkQueue
from support.threads import DEADLINE_S, begun


def chunk(name: str, records: int = 1) -> LandedChunk:
    return LandedChunk(name, Path(f"{name}.json"), None, records, 0, None)


def take_all(queue: ChunkQueue) -> list[str]:
    taken: list[str] = []
    while (manifest := queue.take()) is not None:
        taken.append(manifest.stem)
    return taken


class Watched(ChunkQueue):
    """Tells how many have begun to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)

    def _has(self, records: int) -> bool:
        self.begun.release()
        return super()._has(records)


@pytest.fixture
def queue() -> ChunkQueue:
    return ChunkQueue()


def test_chunks_are_taken_in_the_order_in_which_they_were_put_and_once(queue: ChunkQueue) -> None:
    for name in "bac":
        queue.put(chunk(name))
    assert len(queue) == 3
    assert take_all(queue) == ["b", "a", "c"]
    assert len(queue) == 0
    assert queue.take() is None


def test_chunks_of_earlier_runs_come_before_those_that_are_put(queue: ChunkQueue) -> None:
    queue = ChunkQueue(Path(f"{name}.json") for name in "ba")
    queue.put(chunk("c"))
    assert take_all(queue) == ["b", "a", "c"]


def test_chunks_that_are_put_back_come_before_all_others_in_their_order(queue: ChunkQueue) -> None:
    for name in "abc":
        queue.put(chunk(name))
    take_all(queue)
    queue.put(chunk("d"))
    queue.put_back(Path(f"{name}.json") for name in "bc")
    queue.put_back([])
    assert take_all(queue) == ["b", "c", "d"]


def test_what_is_settled_is_not_put_back_and_the_rest_is(queue: ChunkQueue) -> None:
    for name in "abc":
        queue.put(chunk(name, 5))
    assert take_all(queue) == ["a", "b", "c"]
    queue.settle(Path("b.json"))
    queue.put_back()
    assert queue.wait_for(10, 0)
    assert not queue.wait_for(11, 0)
    assert take_all(queue) == ["a", "c"]
    queue.settle(Path("a.json"))
    queue.settle(Path("c.json"))
    queue.put_back()
    assert queue.take() is None


@hypothesis(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["put", "take", "settle", "put back"]), max_size=40))
def test_whatever_is_done_no_chunk_is_lost_and_those_that_wait_are_in_order(steps: list[str]) -> None:
    queue = ChunkQueue()
    numbers = count()
    waiting: list[int] = []
    under_way: list[int] = []
    for step in steps:
        if step == "put":
            waiting.append(next(numbers))
            queue.put(chunk(str(waiting[-1])))
        elif step == "take":
            taken = queue.take()
            assert taken == (Path(f"{waiting[0]}.json") if waiting else None)
            under_way += waiting[:1]
            waiting = waiting[1:]
        elif step == "settle" and under_way:
            queue.settle(Path(f"{under_way.pop(0)}.json"))
        elif step == "put back":
            queue.put_back()
            waiting, under_way = under_way + waiting, []
        assert len(queue) == len(waiting)
    assert waiting == sorted(waiting)
    assert take_all(queue) == [str(number) for number in waiting]


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
    queue: ChunkQueue, there: list[int], awaited: int, is_enough: bool
) -> None:
    for number, records in enumerate(there):
        queue.put(chunk(str(number), records))
    assert begun(lambda: queue.wait_for(awaited, 0)).result(DEADLINE_S) is is_enough
    assert len(take_all(queue)) == len(there), "to wait takes nothing"


def test_a_chunk_of_an_earlier_run_is_enough_whatever_is_in_it() -> None:
    queue = ChunkQueue([Path("a.json")])
    assert queue.wait_for(1_000_000, 0)


def test_what_was_taken_is_waited_for_no_more_and_what_was_put_back_is_there(queue: ChunkQueue) -> None:
    queue.put(chunk("a", 5))
    take_all(queue)
    assert not queue.wait_for(0, 0)
    queue.put_back()
    assert queue.wait_for(5, 0)


def test_once_it_is_closed_nobody_waits_whatever_is_there(queue: ChunkQueue) -> None:
    assert not queue.is_closed
    assert not queue.wait_until_closed(0)
    queue.put(chunk("a", 5))
    assert not queue.wait_until_closed(0)
    queue.close()
    queue.close()
    assert queue.is_closed
    assert queue.wait_until_closed(0)
    assert queue.wait_for(6, 0)
    assert take_all(queue) == ["a"]
    assert queue.wait_for(6, 0)


def put_back_enough(queue: ChunkQueue) -> None:
    queue.put(chunk("a", 10))
    queue.take()
    queue.put_back()


@pytest.mark.parametrize("limit_s", [None, 1000.0])
@pytest.mark.parametrize(
    "news",
    [lambda queue: [queue.put(chunk(name, 5)) for name in "ab"], put_back_enough, ChunkQueue.close],
    ids=["enough was put", "enough was put back", "it was closed"],
)
def test_all_who_wait_learn_of_it_at_once(news: Callable[[ChunkQueue], None], limit_s: float | None) -> None:
    queue = Watched()
    waiters = [begun(lambda: queue.wait_for(10, limit_s)) for _ in range(3)]
    for _ in waiters:
        assert queue.begun.acquire(timeout=DEADLINE_S)
    news(queue)
    assert [waiter.result(DEADLINE_S) for waiter in waiters] == [True] * 3


def test_who_waits_until_it_is_closed_learns_of_nothing_else(queue: ChunkQueue) -> None:
    waiters = [begun(lambda: queue.wait_until_closed(1000)) for _ in range(3)]
    queue.put(chunk("a"))
    assert not any(waiter.done() for waiter in waiters)
    queue.close()
    assert [waiter.result(DEADLINE_S) for waiter in waiters] == [True] * 3


def test_however_many_put_and_take_at_a_time_each_chunk_is_taken_once_and_each_ones_in_order(
    queue: ChunkQueue,
) -> None:
    numbers = range(300)

    def put(name: str) -> None:
        for number in numbers:
            queue.put(chunk(f"{name}-{number:03d}", number))

    def take() -> list[str]:
        taken: list[str] = []
        while len(queue) or not queue.is_closed:
            queue.wait_for(0)
            taken += take_all(queue)
        return taken

    takers = [begun(take) for _ in range(2)]
    putters = [begun(lambda name=name: put(name)) for name in "abc"]  # type: ignore[misc]
    for putter in putters:
        putter.result(DEADLINE_S)
    queue.close()
    taken = [taker.result(DEADLINE_S) for taker in takers]
    assert sorted(taken[0] + taken[1]) == [f"{name}-{number:03d}" for name in "abc" for number in numbers]
    for one in taken:
        for name in "abc":
            of_one_putter = [each for each in one if each[0] == name]
            assert of_one_putter == sorted(of_one_putter)


def test_a_chunk_is_enough_while_somebody_waits_until_all_is_settled(queue: ChunkQueue) -> None:
    queue.put(chunk("a", 5))
    loader = begun(lambda: queue.wait_for(10))
    waiter = begun(queue.wait_until_settled)
    assert loader.result(DEADLINE_S) is True
    assert not waiter.done()
    for name in take_all(queue):
        queue.settle(Path(f"{name}.json"))
    waiter.result(DEADLINE_S)
    queue.put(chunk("b", 5))
    assert not queue.wait_for(10, 0)
