"""Slots are never leaked or exceeded; 429 halves once per round; starts are paced, with a fake clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.retell.rate_limit import AdaptiveLimit


class Time:
    """A clock moved by sleeping; sleepers still let other tasks run."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        await asyncio.sleep(0)
        self.now_s = max(self.now_s, until_s)


def limit_of(maximum: int, time: Time | None = None, **options: Any) -> AdaptiveLimit:
    time = time or Time()
    return AdaptiveLimit(maximum, clock=time.clock, sleep=time.sleep, **options)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def succeed(limit: AdaptiveLimit, times: int) -> None:
    for _ in range(times):
        async with limit.slot() as slot:
            slot.note_success()


def test_no_more_than_the_maximum_are_under_way() -> None:
    async def scenario() -> None:
        limit = limit_of(3)
        peak = 0

        async def request() -> None:
            nonlocal peak
            async with limit.slot():
                peak = max(peak, limit.taken)
                await asyncio.sleep(0)

        await asyncio.gather(*(request() for _ in range(20)))
        assert peak == 3
        assert limit.taken == 0

    run(scenario())


def test_waiters_are_served_in_order() -> None:
    async def scenario() -> None:
        limit = limit_of(1)
        served: list[int] = []

        async def request(number: int) -> None:
            async with limit.slot():
                await asyncio.sleep(0)
                served.append(number)

        await asyncio.gather(*(request(number) for number in range(8)))
        assert served == list(range(8))

    run(scenario())


def test_a_slot_is_given_back_when_its_holder_fails() -> None:
    async def scenario() -> None:
        limit = limit_of(1)
        with pytest.raises(KeyError):
            async with limit.slot():
                raise KeyError
        assert limit.taken == 0

    run(scenario())


def test_requests_of_one_round_halve_the_limit_once() -> None:
    async def scenario() -> None:
        limit = limit_of(16)
        async with AsyncExitStack() as stack:
            slots = [await stack.enter_async_context(limit.slot()) for _ in range(16)]
            for slot in slots:
                slot.note_throttling()
            assert limit.limit == 8
        async with limit.slot() as slot:
            slot.note_throttling()
        assert limit.limit == 4

    run(scenario())


def test_the_limit_never_falls_below_one() -> None:
    async def scenario() -> None:
        limit = limit_of(5)
        for _ in range(6):
            async with limit.slot() as slot:
                slot.note_throttling()
        assert limit.limit == 1
        await succeed(limit, 1)

    run(scenario())


def test_a_halved_limit_lets_nobody_in_until_enough_have_left() -> None:
    async def scenario() -> None:
        limit = limit_of(4)
        async with AsyncExitStack() as last:
            async with AsyncExitStack() as stack:
                slots = [await stack.enter_async_context(limit.slot()) for _ in range(3)]
                await last.enter_async_context(limit.slot())
                slots[0].note_throttling()
                waiter = asyncio.create_task(succeed(limit, 1))
                await settle()
                assert not waiter.done()
            await waiter
        assert limit.taken == 0

    run(scenario())


def test_the_limit_recovers_by_one_per_four_rounds_of_successes() -> None:
    async def scenario() -> None:
        limit = limit_of(8)
        async with limit.slot() as slot:
            slot.note_throttling()
        seen = []
        for _ in range(200):
            await succeed(limit, 1)
            seen.append(limit.limit)
        assert [seen.index(value) + 1 for value in (5, 6, 7, 8)] == [16, 36, 60, 88]
        assert seen[-1] == 8

    run(scenario())


def test_successes_of_an_earlier_round_do_not_raise_the_limit() -> None:
    async def scenario() -> None:
        limit = limit_of(2)
        async with limit.slot() as early, limit.slot() as late:
            late.note_throttling()
            early.note_success()
            assert limit.limit == 1

    run(scenario())


def test_a_recovered_slot_wakes_a_waiter() -> None:
    async def scenario() -> None:
        limit = limit_of(2)
        async with limit.slot() as slot:
            slot.note_throttling()
        await succeed(limit, 3)
        async with limit.slot() as slot:
            waiter = asyncio.create_task(succeed(limit, 1))
            await settle()
            assert not waiter.done()
            slot.note_success()
            await settle()
            assert waiter.done()

    run(scenario())


def test_starts_are_evenly_paced() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(10, time, rate=4)
        started_s = []

        async def request() -> None:
            async with limit.slot():
                started_s.append(time.now_s)

        await asyncio.gather(*(request() for _ in range(5)))
        assert started_s == [50, 50.25, 50.5, 50.75, 51]

    run(scenario())


def test_idle_time_is_not_saved_up_for_a_burst() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(10, time, rate=1)
        await succeed(limit, 1)
        time.now_s += 100
        await succeed(limit, 2)
        assert time.now_s == 151

    run(scenario())


def test_starts_are_spaced_where_one_at_a_time_is_too_many() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(1, time)
        gaps_s = []
        for _ in range(4):
            async with limit.slot() as slot:
                slot.note_throttling()
            before_s = time.now_s
            async with limit.slot():
                gaps_s.append(round(time.now_s - before_s, 3))
        assert gaps_s == [0.1, 0.2, 0.4, 0.8]

    run(scenario())


def test_spacing_shrinks_away_with_successes() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(1, time)
        for _ in range(3):
            async with limit.slot() as slot:
                slot.note_throttling()
        await succeed(limit, 100)
        settled_s = time.now_s
        await succeed(limit, 100)
        assert time.now_s == settled_s

    run(scenario())


async def be_refused(limit: AdaptiveLimit, time: Time, seconds: float) -> None:
    until_s = time.now_s + seconds
    while time.now_s < until_s:
        async with limit.slot() as slot:
            time.now_s += 0.1
            slot.note_throttling()


def test_what_refused_everything_for_long_leaves_no_trace() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(16, time)
        await be_refused(limit, time, 300)
        assert limit.limit == 1
        # The next request is still one of those that are far apart.
        await succeed(limit, 1)
        assert limit.limit == 16
        well_again_s = time.now_s
        await succeed(limit, 50)
        assert time.now_s - well_again_s <= 10

    run(scenario())


def test_a_limit_that_was_found_before_long_refusals_is_kept() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(16, time)
        await be_refused(limit, time, 0.1)
        await succeed(limit, 1)
        await be_refused(limit, time, 300)
        await succeed(limit, 1)
        assert limit.limit == 8

    run(scenario())


def test_a_window_of_refusals_is_learned_from() -> None:
    async def scenario() -> None:
        time = Time()
        limit = limit_of(16, time)
        await be_refused(limit, time, 10)
        await succeed(limit, 1)
        assert limit.limit == 1

    run(scenario())


def test_a_cancelled_waiter_leaks_no_slot() -> None:
    async def scenario() -> None:
        limit = limit_of(1)
        async with limit.slot():
            waiting = asyncio.create_task(succeed(limit, 1))
            await settle()
            waiting.cancel()
            await settle()
        assert limit.taken == 0
        await succeed(limit, 1)

    run(scenario())


def test_a_waiter_cancelled_as_it_gets_its_slot_hands_it_on() -> None:
    async def scenario() -> None:
        limit = limit_of(1)
        async with limit.slot():
            first = asyncio.create_task(succeed(limit, 1))
            second = asyncio.create_task(succeed(limit, 1))
            await settle()
        # The slot now belongs to `first`, which has not run since.
        first.cancel()
        await second
        assert first.cancelled()
        assert limit.taken == 0

    run(scenario())


def test_cancelling_a_paced_start_gives_the_slot_back() -> None:
    async def scenario() -> None:
        async def forever(_: float) -> None:
            await asyncio.Event().wait()

        limit = AdaptiveLimit(1, rate=1, clock=lambda: 0.0, sleep=forever)
        await succeed(limit, 1)
        waiting = asyncio.create_task(succeed(limit, 1))
        await settle()
        assert limit.taken == 1
        waiting.cancel()
        await settle()
        assert limit.taken == 0

    run(scenario())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.none() | st.integers(1, 9))
def test_no_slot_is_leaked_or_exceeded_whatever_happens(seed: int, maximum: int, rate: int | None) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        limit = limit_of(maximum, rate=rate)

        async def request() -> None:
            async with limit.slot() as slot:
                assert limit.taken <= maximum
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                if chance.random() < 0.3:
                    slot.note_throttling()
                elif chance.random() < 0.8:
                    slot.note_success()
                else:
                    raise KeyError

        tasks = [asyncio.create_task(request()) for _ in range(30)]
        for task in chance.sample(tasks, 12):
            await asyncio.sleep(0)
            task.cancel()
        for task in tasks:
            with suppress(KeyError, asyncio.CancelledError):
                await task
        assert limit.taken == 0
        assert 1 <= limit.limit <= maximum
        await succeed(limit, 1)

    run(scenario())


@pytest.mark.parametrize(("maximum", "rate"), [(0, None), (-1, None), (1, 0), (1, -2), (1, float("nan"))])
def test_limits_that_would_let_nothing_through_are_refused(maximum: int, rate: float | None) -> None:
    with pytest.raises(ValueError, match=r"at least 1|more than 0"):
        AdaptiveLimit(maximum, rate=rate)
