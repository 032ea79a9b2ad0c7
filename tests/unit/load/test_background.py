"""What a run lands is loaded while it goes on, and at its end all of it; what goes wrong is handed over."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from pipeline.errors import LandingError, WarehouseLocked
from pipeline.landing.folder import LandedChunk
from pipeline.load import background
from pipeline.load.background import BackgroundLoader
from pipeline.load.loads import Loaded
from support.threads import DEADLINE_S, begun

WORTH = background._WORTH_RECORDS
LOCKED = WarehouseLocked("calls.duckdb", "another process", 1)
# A rest that never ends by itself.
ENDLESS_S = 1000.0
# So long is looked for what must not come.
A_WHILE_S = 0.2

SETTING = ContextVar("setting", default="that of nobody")

Step = Callable[[], Loaded] | list[str] | BaseException


class Loads:
    """Stands in for the loading: each step says what comes of a load, and after them nothing does."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque()
        self.count = 0
        self.begun = threading.Semaphore(0)

    def __call__(self) -> Loaded:
        self.count += 1
        step = self.steps.popleft() if self.steps else []
        self.begun.release()
        if isinstance(step, BaseException):
            raise step
        return Loaded(problems=step) if isinstance(step, list) else step()

    def has_begun(self, limit_s: float = DEADLINE_S) -> bool:
        """Wait for the next one to begin."""
        return self.begun.acquire(timeout=limit_s)


class Run:
    """A run that lands chunks beside a loader."""

    def __init__(self) -> None:
        self.loads = Loads()
        self.loader = BackgroundLoader(self.loads)

    def land(self, records: int = 1) -> None:
        self.loader.arrivals.put(LandedChunk("a", Path("a.json"), None, records, 0, None))

    def load(self, *steps: Step) -> None:
        """Land a chunk for each step, and wait until the load of it has begun."""
        self.loads.steps.extend(steps)
        for _ in steps:
            self.land()
            assert self.loads.has_begun()

    def finish(self) -> None:
        """Finish, or fail when that hangs."""
        begun(self.loader.finish).result(DEADLINE_S)


def rests(monkeypatch: pytest.MonkeyPatch, *, short_s: float, s: float) -> None:
    monkeypatch.setattr(background, "_SHORT_REST_S", short_s)
    monkeypatch.setattr(background, "_REST_S", s)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run whose loader is started and does not rest."""
    rests(monkeypatch, short_s=0, s=0)
    run = Run()
    run.loader.start()
    yield run
    run.finish()


def test_a_run_that_lands_nothing_loads_once_at_its_end(run: Run) -> None:
    assert not run.loads.has_begun(A_WHILE_S)
    run.finish()
    assert run.loads.count == 1


def test_whatever_arrives_is_loaded_while_the_run_goes_on_even_without_payloads(run: Run) -> None:
    run.land(0)
    assert run.loads.has_begun()
    run.load([], [])
    assert not run.loads.has_begun(A_WHILE_S), "nothing is loaded where nothing arrived"
    run.finish()
    assert run.loads.count == 4


def test_what_had_arrived_when_a_load_begins_is_that_loads(run: Run) -> None:
    left: list[int] = []

    def look() -> Loaded:
        left.append(len(run.loader.arrivals.take()))
        return Loaded()

    run.loads.steps.extend([look, look])
    run.land()
    assert run.loads.has_begun()
    run.finish()
    assert left == [0, 0]


def test_what_arrives_while_a_load_is_under_way_or_is_given_back_by_it_is_loaded_too(run: Run) -> None:
    def meanwhile() -> Loaded:
        run.land()
        return Loaded()

    run.load(meanwhile)
    assert run.loads.has_begun()
    assert not run.loads.has_begun(A_WHILE_S)


def test_a_finish_waits_for_the_load_under_way_and_loads_once_more(run: Run) -> None:
    go_on = threading.Event()

    def slow() -> Loaded:
        assert go_on.wait(DEADLINE_S)
        return Loaded(problems=["slow"])

    run.load(slow)
    finished = begun(run.loader.finish)
    assert run.loader.arrivals.wait_for_end(DEADLINE_S)
    assert not run.loads.has_begun(A_WHILE_S), "there is one load at a time"
    assert not finished.done()
    run.loads.steps.append(["last"])
    go_on.set()
    finished.result(DEADLINE_S)
    assert run.loads.count == 2
    assert run.loader.problems == ["last"]


def test_to_finish_again_does_nothing(run: Run) -> None:
    run.finish()
    run.finish()
    assert run.loads.count == 1


def test_only_the_problems_of_the_last_load_count(run: Run) -> None:
    run.load(["a is damaged"], ["a is damaged", "b is damaged"])
    run.loads.steps.append(["b is damaged"])
    run.finish()
    assert run.loader.problems == ["b is damaged"]
    assert run.loader.error is None


def test_a_warehouse_that_others_hold_before_the_end_is_passed_over(run: Run) -> None:
    run.load(["a is damaged"], LOCKED, LOCKED)
    run.loads.steps.append([])
    run.finish()
    assert run.loads.count == 4
    assert run.loader.problems == []
    run.loader.raise_error()


def test_a_warehouse_that_others_hold_until_the_end_is_the_error(run: Run) -> None:
    run.load(LOCKED)
    run.loads.steps.append(LOCKED)
    run.finish()
    assert run.loads.count == 2
    with pytest.raises(WarehouseLocked) as raised:
        run.loader.raise_error()
    assert raised.value is LOCKED is run.loader.error


@pytest.mark.parametrize("failure", [LandingError("full"), ValueError("a bug"), SystemExit(1)])
def test_any_other_failure_ends_the_loading_and_is_handed_over(run: Run, failure: BaseException) -> None:
    run.load(failure)
    run.land()
    run.finish()
    assert run.loads.count == 1
    with pytest.raises(type(failure)) as raised:
        run.loader.raise_error()
    assert raised.value is failure is run.loader.error


def test_a_load_sees_the_context_of_who_made_the_loader_and_keeps_its_own_changes() -> None:
    run = Run()
    seen: list[str] = []

    def look() -> Loaded:
        seen.append(SETTING.get())
        SETTING.set("that of the load")
        return Loaded()

    run.loads.steps.append(look)
    token = SETTING.set("that of the run")
    try:
        run.loader = BackgroundLoader(run.loads)
        SETTING.set("a later one")
        run.loader.start()
        run.finish()
        assert (seen, SETTING.get()) == (["that of the run"], "a later one")
    finally:
        SETTING.reset(token)


@pytest.mark.parametrize(("short_s", "s"), [(0, ENDLESS_S), (ENDLESS_S, 2 * ENDLESS_S)])
def test_the_end_of_a_run_ends_the_rest_between_two_loads(
    run: Run, monkeypatch: pytest.MonkeyPatch, short_s: float, s: float
) -> None:
    rests(monkeypatch, short_s=short_s, s=s)
    run.load([])
    run.land()
    assert not run.loads.has_begun(A_WHILE_S)
    run.finish()
    assert run.loads.count == 2


def test_a_rest_is_short_where_a_loads_worth_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rests(monkeypatch, short_s=0, s=ENDLESS_S)
    run.load([])
    run.land(WORTH - 1)
    assert not run.loads.has_begun(A_WHILE_S)
    run.land(1)
    assert run.loads.has_begun()


def test_others_get_at_the_warehouse_between_two_loads_however_much_waits(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests(monkeypatch, short_s=ENDLESS_S, s=ENDLESS_S)
    run.load([])
    run.land(2 * WORTH)
    assert not run.loads.has_begun(A_WHILE_S)


def test_a_rest_ends_by_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rests(monkeypatch, short_s=0.01, s=0.02)
    run.load([], [], [])
