"""What a run lands is loaded while it goes on, and at its end all of it; what goes wrong is handed over."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from pipeline.errors import LandingError, WarehouseLocked
from pipeline.landing.chunk import LandedChunk
from pipeline.load import background
from pipeline.load.background import BackgroundLoader
from pipeline.load.chunk_queue import ChunkQueue
from support.threads import DEADLINE_S, begun

WORTH = background._WORTH_RECORDS
LOCKED = WarehouseLocked("calls.duckdb", "another process", 1)
# A rest that never ends by itself.
ENDLESS_S = 1000.0
# So long is looked for what must not come.
A_WHILE_S = 0.2

SETTING = ContextVar("setting", default="that of nobody")

Step = Callable[[], None] | BaseException | None


class Loads:
    """Stands in for the loading: takes what waits, unless the step of that load is a failure or its own."""

    def __init__(self, queue: ChunkQueue) -> None:
        self.queue = queue
        self.steps: deque[Step] = deque()
        self.count = 0
        self.begun = threading.Semaphore(0)

    def __call__(self) -> None:
        self.count += 1
        step = self.steps.popleft() if self.steps else None
        if isinstance(step, BaseException):
            self.begun.release()
            raise step
        while (manifest := self.queue.take()) is not None:
            self.queue.settle(manifest)
        self.begun.release()
        if step is not None:
            step()

    def has_begun(self, limit_s: float = DEADLINE_S) -> bool:
        """Wait for the next one to begin."""
        return self.begun.acquire(timeout=limit_s)


class Run:
    """A run that lands chunks beside a loader."""

    def __init__(self) -> None:
        self.queue = ChunkQueue()
        self.loads = Loads(self.queue)
        self.loader = BackgroundLoader(self.queue, self.loads)
        self.landed = 0

    def land(self, records: int = 1) -> None:
        self.landed += 1
        path = Path(f"{self.landed}.json")
        self.queue.put(LandedChunk(path.stem, path, None, records, 0, None))

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


def test_whatever_lands_is_loaded_while_the_run_goes_on_even_without_payloads(run: Run) -> None:
    run.land(0)
    assert run.loads.has_begun()
    run.load(None, None)
    assert not run.loads.has_begun(A_WHILE_S), "nothing is loaded where nothing waits"
    run.finish()
    assert run.loads.count == 4


def test_what_lands_while_a_load_is_under_way_is_loaded_too(run: Run) -> None:
    run.load(run.land)
    assert run.loads.has_begun()
    assert not run.loads.has_begun(A_WHILE_S)


def test_a_finish_waits_for_the_load_under_way_and_loads_once_more(run: Run) -> None:
    go_on = threading.Event()

    def slow() -> None:
        assert go_on.wait(DEADLINE_S)

    run.load(slow)
    finished = begun(run.loader.finish)
    assert run.queue.wait_until_closed(DEADLINE_S)
    assert not run.loads.has_begun(A_WHILE_S), "there is one load at a time"
    assert not finished.done()
    go_on.set()
    finished.result(DEADLINE_S)
    assert run.loads.count == 2


def test_to_finish_again_does_nothing(run: Run) -> None:
    run.finish()
    run.finish()
    assert run.loads.count == 1


def test_a_warehouse_that_others_hold_before_the_end_is_passed_over_and_tried_again(run: Run) -> None:
    run.loads.steps.extend([LOCKED, LOCKED])
    run.land()
    for _ in range(3):
        assert run.loads.has_begun()
    assert len(run.queue) == 0
    run.finish()
    assert run.loads.count == 4
    run.loader.raise_error()


def test_a_warehouse_that_others_hold_until_the_end_is_the_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests(monkeypatch, short_s=ENDLESS_S, s=ENDLESS_S)
    run.loads.steps.extend([LOCKED, LOCKED])
    run.land()
    assert run.loads.has_begun()
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

    def look() -> None:
        seen.append(SETTING.get())
        SETTING.set("that of the load")

    run.loads.steps.append(look)
    token = SETTING.set("that of the run")
    try:
        run.loader = BackgroundLoader(run.queue, run.loads)
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
    run.load(None)
    run.land()
    assert not run.loads.has_begun(A_WHILE_S)
    run.finish()
    assert run.loads.count == 2


def test_a_rest_is_short_where_a_loads_worth_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rests(monkeypatch, short_s=0, s=ENDLESS_S)
    run.load(None)
    run.land(WORTH - 1)
    assert not run.loads.has_begun(A_WHILE_S)
    run.land(1)
    assert run.loads.has_begun()


def test_others_get_at_the_warehouse_between_two_loads_however_much_waits(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests(monkeypatch, short_s=ENDLESS_S, s=ENDLESS_S)
    run.load(None)
    run.land(2 * WORTH)
    assert not run.loads.has_begun(A_WHILE_S)


def test_a_rest_ends_by_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    rests(monkeypatch, short_s=0.01, s=0.02)
    run.load(None, None, None)
