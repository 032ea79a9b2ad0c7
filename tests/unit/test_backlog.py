"""Every chunk that waits is in one load, in order and within bounds, and what lands meanwhile may follow."""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipeline import backlog
from pipeline.backlog import Backlog
from pipeline.errors import LandingError
from pipeline.landing import LandedChunk, Landing

RECORDS, BYTES, LOADS = backlog._MOST_RECORDS, backlog._MOST_BYTES, backlog._MOST_LOADS
# More loads than any backlog here has: whoever gives as many goes on for ever.
ENDLESS = 200

Facts = tuple[int, int, bool]
# Small, just within a bound, just beyond it, and anything between; some damaged.
CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, RECORDS // 2, RECORDS - 1, RECORDS, RECORDS + 1])
        | st.integers(0, 2 * RECORDS),
        st.sampled_from([0, 1, BYTES // 2, BYTES, BYTES + 1]) | st.integers(0, 2 * BYTES),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=12,
)


class Shelf(Landing):
    """A landing without files: chunks of any size, which cost nothing."""

    def __init__(self) -> None:
        super().__init__(Path("landing"), Path("quarantine"))
        self.chunks: dict[Path, LandedChunk] = {}
        self.damaged: list[Path] = []

    def land(self, records: int, size: int = 0, is_damaged: bool = False) -> Path:
        name = f"run-{len(self.chunks):06d}"
        path = Path("landing", "run", f"{name}.json")
        self.chunks[path] = LandedChunk(name, path, None, records, size, None)
        if is_damaged:
            self.damaged.append(path)
        return path

    @property
    def sound(self) -> list[LandedChunk]:
        return [chunk for path, chunk in self.chunks.items() if path not in self.damaged]

    def manifests(self) -> dict[str, Path]:
        return {path.stem: path for path in self.chunks}

    def verified(self, manifest: Path) -> LandedChunk:
        if manifest in self.damaged:
            raise LandingError(f"{manifest} is damaged")
        return self.chunks[manifest]

    def backlog(self, *, goes_on: bool = False) -> Backlog:
        """The backlog of all that is landed."""
        landed = self.manifests()
        return Backlog(self, list(landed.values()), known=landed if goes_on else None)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def loads_of(waiting: Backlog) -> Iterator[list[LandedChunk]]:
    """The loads until there is none; a backlog that never ends fails the test."""
    for _ in range(ENDLESS):
        load = waiting.next()
        if load is None:
            return
        yield load
    pytest.fail("the backlog does not end")


def names(load: list[LandedChunk] | None) -> list[str] | None:
    return None if load is None else [chunk.chunk_id for chunk in load]


def fits(load: list[LandedChunk]) -> bool:
    return sum(chunk.record_count for chunk in load) <= RECORDS and (
        sum(chunk.byte_count for chunk in load) <= BYTES
    )


@hypothesis(max_examples=60, deadline=None)
@given(chunks=CHUNKS, goes_on=st.booleans())
def test_every_sound_chunk_is_in_one_load_in_order_and_every_damaged_one_is_named_once(
    chunks: list[Facts], goes_on: bool
) -> None:
    shelf = Shelf()
    for facts in chunks:
        shelf.land(*facts)
    waiting = shelf.backlog(goes_on=goes_on)
    loads = list(loads_of(waiting))
    assert [chunk for load in loads for chunk in load] == shelf.sound
    assert all(loads)
    assert waiting.problems == [f"{path} is damaged" for path in shelf.damaged]
    assert waiting.next() is None


@hypothesis(max_examples=60, deadline=None)
@given(chunks=CHUNKS)
def test_a_load_keeps_both_bounds_unless_one_chunk_alone_does_not_and_is_as_large_as_they_let_it(
    chunks: list[Facts],
) -> None:
    shelf = Shelf()
    for facts in chunks:
        shelf.land(*facts)
    loads = list(loads_of(shelf.backlog()))
    assert all(fits(load) or len(load) == 1 for load in loads)
    assert not any(fits([*load, following[0]]) for load, following in pairwise(loads))


def test_without_knowing_what_was_landed_nothing_that_lands_meanwhile_is_taken(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.backlog()
    shelf.land(RECORDS)
    assert [names(load) for load in loads_of(waiting)] == [["run-000000"]]


@pytest.mark.parametrize(
    ("meanwhile", "loads"),
    [
        ([RECORDS - 1], []),
        ([RECORDS], [["run-000001"]]),
        ([RECORDS // 2, RECORDS - RECORDS // 2], [["run-000001", "run-000002"]]),
        ([0, 0], []),
    ],
)
def test_what_lands_meanwhile_makes_a_load_only_when_enough_is_there_for_one(
    shelf: Shelf, meanwhile: list[int], loads: list[list[str]]
) -> None:
    shelf.land(RECORDS)
    waiting = shelf.backlog(goes_on=True)
    assert names(waiting.next()) == ["run-000000"]
    for records in meanwhile:
        shelf.land(records)
    assert [names(load) for load in loads_of(waiting)] == loads


def test_a_load_that_is_due_anyway_takes_what_has_landed_meanwhile_as_far_as_it_fits(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.backlog(goes_on=True)
    shelf.land(RECORDS - 1)
    shelf.land(1)
    assert names(waiting.next()) == ["run-000000", "run-000001"]


def test_what_was_landed_and_did_not_wait_is_not_taken_for_new(shelf: Shelf) -> None:
    shelf.land(RECORDS)
    last = shelf.land(RECORDS)
    waiting = Backlog(shelf, [last], known=shelf.manifests())
    assert [names(load) for load in loads_of(waiting)] == [["run-000001"]]


@hypothesis(max_examples=60, deadline=None)
@given(first=CHUNKS, later=st.lists(CHUNKS, max_size=20))
def test_whatever_lands_when_a_chunk_is_given_once_and_what_is_left_is_no_load_or_comes_too_late(
    first: list[Facts], later: list[list[Facts]]
) -> None:
    shelf = Shelf()
    for facts in first:
        shelf.land(*facts)
    awaited = shelf.sound
    waiting = shelf.backlog(goes_on=True)
    given_chunks: list[LandedChunk] = []
    load_count = 0
    for landing in later:
        load = waiting.next()
        if load is None:
            break
        assert fits(load) or len(load) == 1
        given_chunks += load
        load_count += 1
        for facts in landing:
            shelf.land(*facts)
    for load in loads_of(waiting):
        given_chunks += load
        load_count += 1
    # In order too: what is given is what was landed first.
    assert given_chunks == shelf.sound[: len(given_chunks)]
    assert given_chunks[: len(awaited)] == awaited
    left = shelf.sound[len(given_chunks) :]
    assert sum(chunk.record_count for chunk in left) < RECORDS or load_count >= LOADS
    assert len(waiting.problems) == len(set(waiting.problems)) <= len(shelf.damaged)


@pytest.mark.parametrize("records", [RECORDS, 2 * RECORDS])
def test_a_backlog_that_is_filled_up_as_fast_as_it_is_loaded_ends(shelf: Shelf, records: int) -> None:
    shelf.land(records)
    waiting = shelf.backlog(goes_on=True)
    loads = []
    for load in loads_of(waiting):
        loads.append(names(load))
        shelf.land(records)
    assert loads == [[f"run-{number:06d}"] for number in range(LOADS)]


def test_however_many_loads_waited_from_the_beginning_all_are_given_and_no_new_ones_follow_them(
    shelf: Shelf,
) -> None:
    for _ in range(LOADS + 3):
        shelf.land(RECORDS)
    waiting = shelf.backlog(goes_on=True)
    shelf.land(RECORDS)
    assert [names(load) for load in loads_of(waiting)] == [
        [f"run-{number:06d}"] for number in range(LOADS + 3)
    ]


def test_a_damaged_chunk_that_lands_meanwhile_is_named_once_and_keeps_nothing_out(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.backlog(goes_on=True)
    waiting.next()
    damaged = shelf.land(RECORDS, is_damaged=True)
    shelf.land(RECORDS)
    assert [names(load) for load in loads_of(waiting)] == [["run-000002"]]
    assert waiting.next() is None
    assert waiting.problems == [f"{damaged} is damaged"]


def test_loads_that_were_given_back_come_first_in_their_order_and_as_they_were_divided(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.land(RECORDS // 2)
    waiting = shelf.backlog()
    first = waiting.next()
    assert first is not None
    assert not waiting.is_tried_again
    waiting.try_again([[chunk] for chunk in first])
    assert waiting.is_tried_again
    assert [names(load) for load in islice(loads_of(waiting), 2)] == [["run-000000"], ["run-000001"]]
    assert not waiting.is_tried_again
    assert names(waiting.next()) == ["run-000002"]
    assert waiting.next() is None


def test_a_load_may_be_given_back_after_the_last_one_was_given(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.backlog()
    load = waiting.next()
    assert load is not None
    assert waiting.next() is None
    waiting.try_again([load])
    assert names(waiting.next()) == ["run-000000"]
    assert waiting.next() is None


def test_a_load_that_was_given_back_is_not_counted_again(shelf: Shelf) -> None:
    shelf.land(RECORDS)
    waiting = shelf.backlog(goes_on=True)
    load = waiting.next()
    assert load is not None
    for _ in range(LOADS):
        waiting.try_again([load])
        assert waiting.next() == load
    shelf.land(RECORDS)
    assert names(waiting.next()) == ["run-000001"]
