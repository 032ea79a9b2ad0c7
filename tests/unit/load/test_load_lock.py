"""Loads of several processes take turns, none does what another has done, and no dead one is waited for."""

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.load import loads, staging
from pipeline.load.load_lock import hold_load_lock
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Payload, Place, as_body

_LOAD = """
import sys
from pathlib import Path
from pipeline.load.load_lock import hold_load_lock
from pipeline.warehouse.database import Warehouse
with hold_load_lock(Warehouse.at(Path(sys.argv[1]))):
    print("loading", flush=True)
    sys.stdin.readline()
print("through", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


@contextmanager
def another_load(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that loads into the warehouse."""
    command = [sys.executable, "-c", _LOAD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "loading\n"
            yield process
        finally:
            process.kill()


def is_locked(path: Path) -> bool:
    with path.with_name(f"{path.name}.loading").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def warehouse_that(path: Path, on_pause: Callable[[float], None], **more: object) -> Warehouse:
    """A warehouse that does something at each pause instead of sleeping."""
    return replace(Warehouse.at(path), sleep=on_pause, **more)  # type: ignore[arg-type]


def fail_to_pause(seconds: float) -> None:
    pytest.fail("there was nothing to wait for")


def test_a_load_that_is_alone_waits_for_nobody_and_is_seen_until_it_ends(path: Path) -> None:
    with hold_load_lock(warehouse_that(path, fail_to_pause)):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_load_begins_when_that_of_another_process_ends(path: Path) -> None:
    pauses: list[float] = []
    with another_load(path) as process:

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("\n")
                process.stdin.flush()
                assert process.stdout.readline() == "through\n"

        with hold_load_lock(warehouse_that(path, pause)):
            assert is_locked(path)
    assert len(pauses) == 3


def test_a_load_that_is_killed_is_waited_for_no_more(path: Path) -> None:
    with another_load(path) as process:

        def pause(seconds: float) -> None:
            process.kill()
            process.wait()

        with hold_load_lock(warehouse_that(path, pause)):
            assert is_locked(path)


def test_after_the_lock_timeout_a_load_goes_on_and_has_said_what_it_waited_for(path: Path) -> None:
    pauses: list[float] = []
    said: list[str] = []
    with another_load(path), hold_load_lock(warehouse_that(path, pauses.append, say=said.append)):
        pass
    assert sum(pauses) == pytest.approx(60)
    assert said[0] == f"waiting for another load into {path} (up to 60 s)"
    assert len(said) == 5


def test_who_wants_to_stop_waits_no_longer(path: Path) -> None:
    pauses: list[float] = []
    hurried = warehouse_that(path, pauses.append)

    def interrupt(seconds: float) -> None:
        pauses.append(seconds)
        hurried.in_a_hurry.set()

    with another_load(path), hold_load_lock(replace(hurried, sleep=interrupt)):
        pass
    assert len(pauses) == 1


@pytest.mark.parametrize("where", ["missing", "memory"])
def test_where_no_file_can_be_written_a_load_goes_on(where: str, tmp_path: Path) -> None:
    at = {"missing": Warehouse.at(tmp_path / "missing" / "calls.duckdb"), "memory": Warehouse.in_memory()}
    entered = False
    with hold_load_lock(replace(at[where], sleep=fail_to_pause)):
        entered = True
    assert entered


def test_a_failure_of_the_load_ends_its_turn(path: Path) -> None:
    with pytest.raises(OSError, match="its own"), hold_load_lock(Warehouse.at(path)):
        raise OSError("its own")
    assert not is_locked(path)


def test_a_load_that_waited_does_nothing_that_the_other_has_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    chunks = [
        place.land([Payload(call_id, as_body({"call_id": call_id, "agent_id": "a", "call_status": "ended"}))])
        for call_id in ("c1", "c2")
    ]
    schema.ensure(place.warehouse)
    staged: list[str] = []
    stage = staging.worked_out

    def note(connection: object, chunks: list[object]) -> bool:
        staged.extend(chunk.chunk_id for chunk in chunks)  # type: ignore[attr-defined]
        return stage(connection, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "worked_out", note)
    with ExitStack() as other:
        other.enter_context(hold_load_lock(place.warehouse))

        def end_other_load(seconds: float) -> None:
            manifests = [chunk.manifest for chunk in chunks[:1]]
            loads.load(place.warehouse, place.landing, manifests, refresh_window_s=86_400)
            other.close()

        waiting = replace(place.warehouse, sleep=end_other_load)
        loaded = loads.load_pending(waiting, place.landing, refresh_window_s=86_400)
    assert loaded.chunks == 1
    assert staged == [chunk.chunk_id for chunk in chunks], "each chunk is staged once"
    assert place.rows("select call_id from calls order by all") == [("c1",), ("c2",)]
