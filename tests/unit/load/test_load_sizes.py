"""Every chunk that waits is in one load, in order and within bounds; what a run lands meanwhile follows."""

from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipeline.errors import LandingError
from pipeline.landing.chunk import LandedChunk
from pipeline.load import load_sizes
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.load_sizes import LoadDivider
from support.threads import DEADLINE_S, begun

RECORDS, BYTES, LOADS = load_sizes._MOST_RECORDS, load_sizes._MOST_BYTES, load_sizes._MOST_LOADS
# More loads than there are here: whoever gives as many goes on for ever.
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
    max_size=LOADS,
)
# How many of the chunks waited from the beginning; the others arrived. None where nothing can arrive.
WAITED = st.none() | st.integers(0, LOADS)


class Watched(ChunkQueue):
    """Does something whenever somebody begins to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.on_wait: Callable[[], object] = lambda: None

    def wait_for(self, records: int, limit_s: float | None = None) -> bool:
        self.on_wait()
        return super().wait_for(records, limit_s)


class Shelf:
    """A landing without files: chunks of any size, which cost nothing, and wait when they are landed."""

    def __init__(self) -> None:
        self.chunks: dict[Path, LandedChunk] = {}
        self.damaged: list[Path] = []
        self.queue = Watched()

    def land(self, records: int, size: int = 0, is_damaged: bool = False) -> Path:
        name = f"run-{len(self.chunks):06d}"
        path = Path("landing", "run", f"{name}.json")
        self.chunks[path] = LandedChunk(name, path, None, records, size, None)
        if is_damaged:
            self.damaged.append(path)
        self.queue.put(self.chunks[path])
        return path

    @property
    def sound(self) -> list[LandedChunk]:
        return [chunk for path, chunk in self.chunks.items() if path not in self.damaged]

    @property
    def problems(self) -> list[str]:
        return [f"{path} is damaged" for path in self.damaged]

    def verify(self, manifest: Path) -> LandedChunk:
        if manifest in self.damaged:
            raise LandingError(f"{manifest} is damaged")
        return self.chunks[manifest]

    def batches(self) -> LoadDivider:
        """The loads of all that is landed, and of what is landed from now on."""
        return LoadDivider(self.queue, self.verify)

    def batches_at_the_end(self, chunks: list[Facts], waited: int | None) -> LoadDivider:
        """The loads of a run that has ended after so many chunks had waited; without a number all of them."""
        for facts in chunks[:waited]:
            self.land(*facts)
        waiting = self.batches()
        for facts in [] if waited is None else chunks[waited:]:
            self.land(*facts)
        self.queue.close()
        return waiting

    def take_all(self) -> list[LandedChunk]:
        """Take what still waits, and return it."""
        taken: list[LandedChunk] = []
        while (manifest := self.queue.take()) is not None:
            taken.append(self.chunks[manifest])
        return taken


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_sizes, "_PATIENCE_S", 0.0)


def loads_of(waiting: LoadDivider) -> Iterator[list[LandedChunk]]:
    """The loads until there is none; what never ends fails the test."""
    for _ in range(ENDLESS):
        load = waiting.next()
        if load is None:
            return
        yield load
    pytest.fail("there is no end of loads")


def names(load: list[LandedChunk] | None) -> list[str] | None:
    return None if load is None else [chunk.chunk_id for chunk in load]


def fits(load: list[LandedChunk]) -> bool:
    return sum(chunk.record_count for chunk in load) <= RECORDS and (
        sum(chunk.byte_count for chunk in load) <= BYTES
    )


@hypothesis(max_examples=100, deadline=None)
@given(chunks=CHUNKS, waited=WAITED)
def test_every_sound_chunk_is_in_one_load_in_order_and_every_damaged_one_is_named_once(
    chunks: list[Facts], waited: int | None
) -> None:
    shelf = Shelf()
    waiting = shelf.batches_at_the_end(chunks, waited)
    loads = list(loads_of(waiting))
    assert [chunk for load in loads for chunk in load] == shelf.sound
    assert all(loads)
    assert waiting.problems == shelf.problems
    assert waiting.next() is None
    assert shelf.take_all() == []


@hypothesis(max_examples=60, deadline=None)
@given(chunks=CHUNKS, waited=WAITED)
def test_a_load_keeps_both_bounds_unless_one_chunk_alone_does_not_and_is_as_large_as_they_let_it(
    chunks: list[Facts], waited: int | None
) -> None:
    loads = list(loads_of(Shelf().batches_at_the_end(chunks, waited)))
    assert all(fits(load) or len(load) == 1 for load in loads)
    assert not any(fits([*load, following[0]]) for load, following in pairwise(loads))


@pytest.mark.parametrize(
    ("meanwhile", "loads", "left"),
    [
        ([RECORDS - 1], [], ["run-000001"]),
        ([RECORDS], [["run-000001"]], []),
        ([RECORDS // 2, RECORDS - RECORDS // 2], [["run-000001", "run-000002"]], []),
        ([RECORDS // 2, RECORDS], [["run-000001"], ["run-000002"]], []),
        ([RECORDS, RECORDS - 1], [["run-000001"]], ["run-000002"]),
        ([0, 0], [], ["run-000001", "run-000002"]),
    ],
)
def test_what_lands_meanwhile_makes_a_load_only_when_enough_is_there_for_one(
    shelf: Shelf, meanwhile: list[int], loads: list[list[str]], left: list[str]
) -> None:
    shelf.land(RECORDS)
    waiting = shelf.batches()
    assert names(waiting.next()) == ["run-000000"]
    for records in meanwhile:
        shelf.land(records)
    assert [names(load) for load in loads_of(waiting)] == loads
    assert names(shelf.take_all()) == left


def test_what_lands_meanwhile_is_enough_when_it_fills_the_memory_of_a_load(shelf: Shelf) -> None:
    waiting = shelf.batches()
    shelf.land(1, BYTES)
    shelf.land(RECORDS, is_damaged=True)
    assert names(waiting.next()) == ["run-000000"]


@pytest.mark.parametrize("comes", ["what makes a load", "the end"])
def test_what_lands_while_it_is_waited_for_is_given_at_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    monkeypatch.setattr(load_sizes, "_PATIENCE_S", DEADLINE_S)
    shelf.land(RECORDS)
    waiting = shelf.batches()
    waiting.next()
    shelf.land(RECORDS // 2)
    load = begun(waiting.next)
    if comes == "the end":
        shelf.queue.close()
        expected = ["run-000001"]
    else:
        shelf.land(RECORDS - RECORDS // 2)
        expected = ["run-000001", "run-000002"]
    assert names(load.result(DEADLINE_S / 2)) == expected


def test_what_is_not_enough_in_the_end_is_given_back_before_what_arrived_later(shelf: Shelf) -> None:
    waiting = shelf.batches()
    for records in (1, 0):
        shelf.land(records)
    damaged = shelf.land(RECORDS, is_damaged=True)
    shelf.queue.on_wait = lambda: shelf.land(2)
    assert waiting.next() is None
    assert names(shelf.take_all()) == ["run-000000", "run-000001", "run-000003"]
    assert waiting.problems == [f"{damaged} is damaged"]


@pytest.mark.parametrize("patience_s", [0, DEADLINE_S])
def test_whatever_another_thread_lands_meanwhile_is_given_once_and_in_order(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    monkeypatch.setattr(load_sizes, "_PATIENCE_S", patience_s)

    def land() -> None:
        for number in range(300):
            shelf.land(number * 137 % 400)
        shelf.queue.close()

    def load() -> list[LandedChunk]:
        given_chunks: list[LandedChunk] = []
        while len(shelf.queue) or not shelf.queue.is_closed:
            for load in loads_of(shelf.batches()):
                given_chunks += load
        return given_chunks

    loading = begun(load)
    begun(land).result(DEADLINE_S)
    assert loading.result(DEADLINE_S) == shelf.sound


@pytest.mark.parametrize("meanwhile", [1, RECORDS - 1])
def test_a_load_that_is_due_anyway_takes_what_has_landed_meanwhile_as_far_as_it_fits(
    shelf: Shelf, meanwhile: int
) -> None:
    shelf.land(1)
    waiting = shelf.batches()
    shelf.land(meanwhile)
    shelf.land(RECORDS - meanwhile)
    assert names(waiting.next()) == ["run-000000", "run-000001"]


def test_a_load_that_is_due_waits_only_for_what_it_lacks(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_sizes, "_PATIENCE_S", DEADLINE_S)
    shelf.land(RECORDS // 2)
    load = begun(shelf.batches().next)
    shelf.land(RECORDS - RECORDS // 2)
    assert names(load.result(DEADLINE_S / 2)) == ["run-000000", "run-000001"]


def test_what_does_not_fit_into_a_load_is_no_load_of_its_own(shelf: Shelf) -> None:
    shelf.land(RECORDS)
    waiting = shelf.batches()
    waiting.next()
    shelf.land(RECORDS - 1)
    shelf.land(2)
    assert [names(load) for load in loads_of(waiting)] == [["run-000001"]]
    assert names(shelf.take_all()) == ["run-000002"]


def test_what_does_not_fit_into_the_last_load_is_left_to_the_next_time(shelf: Shelf) -> None:
    for _ in range(LOADS - 1):
        shelf.land(RECORDS)
    waiting = shelf.batches()
    for _ in range(2):
        shelf.land(RECORDS // 2 + 1)
    shelf.queue.close()
    assert names(list(loads_of(waiting))[-1]) == [f"run-{LOADS - 1:06d}"]
    assert names(shelf.take_all()) == [f"run-{LOADS:06d}"]


@pytest.mark.parametrize("meanwhile", [0, 1, 2])
def test_a_load_that_is_due_anyway_is_given_with_what_landed_while_it_was_waited_for(
    shelf: Shelf, meanwhile: int
) -> None:
    shelf.land(1)
    waiting = shelf.batches()
    shelf.queue.on_wait = lambda: len(shelf.chunks) <= meanwhile and shelf.land(1)
    assert names(waiting.next()) == [f"run-{number:06d}" for number in range(1 + meanwhile)]
    assert waiting.next() is None
    assert shelf.take_all() == []


def test_nothing_is_waited_for_where_a_load_is_full_or_was_given_back_or_no_more_may_follow(
    shelf: Shelf,
) -> None:
    for _ in range(LOADS):
        shelf.land(RECORDS)
    waiting = shelf.batches()
    shelf.queue.on_wait = lambda: pytest.fail("it waits")
    first = waiting.next()
    assert first is not None
    waiting.retry([first])
    assert len(list(loads_of(waiting))) == LOADS


@hypothesis(max_examples=100, deadline=None)
@given(
    first=CHUNKS,
    later=st.lists(CHUNKS, max_size=20),
    lands_in_waits=st.booleans(),
    ends_after=st.none() | st.integers(1, LOADS),
)
def test_whatever_lands_when_a_chunk_is_given_once_and_in_order_or_left_as_no_load_or_too_late(
    first: list[Facts], later: list[list[Facts]], lands_in_waits: bool, ends_after: int | None
) -> None:
    shelf = Shelf()
    for facts in first:
        shelf.land(*facts)
    awaited = shelf.sound
    waiting = shelf.batches()
    landings = iter(later)

    def land() -> None:
        if not shelf.queue.is_closed:
            for facts in next(landings, []):
                shelf.land(*facts)

    if lands_in_waits:
        shelf.queue.on_wait = land
    loads: list[list[LandedChunk]] = []
    for load in loads_of(waiting):
        assert fits(load) or len(load) == 1
        loads.append(load)
        land()
        if len(loads) == ends_after:
            shelf.queue.close()
    given_chunks = [chunk for load in loads for chunk in load]
    left = shelf.take_all()
    assert given_chunks[: len(awaited)] == awaited
    assert [*given_chunks, *[chunk for chunk in left if chunk.manifest not in shelf.damaged]] == shelf.sound
    assert waiting.problems == shelf.problems[: len(waiting.problems)]
    is_worth_none = sum(chunk.record_count for chunk in left) < RECORDS and not shelf.queue.is_closed
    assert not left or is_worth_none or len(loads) >= LOADS


@pytest.mark.parametrize("records", [RECORDS, 2 * RECORDS])
def test_a_queue_that_is_filled_up_as_fast_as_it_is_loaded_ends_and_leaves_the_rest(
    shelf: Shelf, records: int
) -> None:
    shelf.land(records)
    waiting = shelf.batches()
    loads = []
    for load in loads_of(waiting):
        loads.append(names(load))
        shelf.land(records)
    assert loads == [[f"run-{number:06d}"] for number in range(LOADS)]
    assert names(shelf.take_all()) == [f"run-{LOADS:06d}"]


@pytest.mark.parametrize(("last", "given_last"), [(RECORDS, 1), (RECORDS - 1, 0)])
def test_what_was_taken_before_no_more_may_follow_is_given_if_it_makes_a_load_and_else_left(
    shelf: Shelf, last: int, given_last: int
) -> None:
    waiting = shelf.batches()
    for records in (*[RECORDS] * LOADS, last):
        shelf.land(records)
    assert len(list(loads_of(waiting))) == LOADS + given_last
    assert len(shelf.take_all()) == 1 - given_last


def test_however_many_loads_waited_from_the_beginning_all_are_given_and_no_new_ones_follow_them(
    shelf: Shelf,
) -> None:
    for _ in range(LOADS + 3):
        shelf.land(RECORDS)
    waiting = shelf.batches()
    shelf.land(RECORDS)
    assert [names(load) for load in loads_of(waiting)] == [
        [f"run-{number:06d}"] for number in range(LOADS + 3)
    ]
    assert names(shelf.take_all()) == [f"run-{LOADS + 3:06d}"]


def test_a_damaged_chunk_that_lands_meanwhile_is_named_once_and_keeps_nothing_out(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.batches()
    waiting.next()
    damaged = shelf.land(RECORDS, is_damaged=True)
    shelf.land(RECORDS)
    assert [names(load) for load in loads_of(waiting)] == [["run-000002"]]
    assert waiting.next() is None
    assert waiting.problems == [f"{damaged} is damaged"]


def test_loads_that_were_given_back_come_first_in_their_order_and_as_they_were_divided(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.land(RECORDS // 2)
    waiting = shelf.batches()
    first = waiting.next()
    assert first is not None
    assert not waiting.has_retries
    waiting.retry([[chunk] for chunk in first])
    assert waiting.has_retries
    assert [names(load) for load in islice(loads_of(waiting), 2)] == [["run-000000"], ["run-000001"]]
    assert not waiting.has_retries
    assert names(waiting.next()) == ["run-000002"]
    assert waiting.next() is None


def test_a_load_may_be_given_back_after_the_last_one_was_given(shelf: Shelf) -> None:
    shelf.land(1)
    waiting = shelf.batches()
    load = waiting.next()
    assert load is not None
    assert waiting.next() is None
    waiting.retry([load])
    assert names(waiting.next()) == ["run-000000"]
    assert waiting.next() is None


def test_a_load_that_was_given_back_is_not_counted_again(shelf: Shelf) -> None:
    shelf.land(RECORDS)
    waiting = shelf.batches()
    load = waiting.next()
    assert load is not None
    for _ in range(LOADS):
        waiting.retry([load])
        assert waiting.next() == load
    shelf.land(RECORDS)
    assert names(waiting.next()) == ["run-000001"]
