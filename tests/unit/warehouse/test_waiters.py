"""Who waits for a warehouse is seen by who holds it, for exactly as long as it waits."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipeline.errors import WarehouseLocked
from pipeline.warehouse import waiters
from pipeline.warehouse.database import Warehouse

_WAIT = """
import sys
from pathlib import Path
from pipeline.warehouse import waiters
with waiters.show_waiting(Path(sys.argv[1])):
    print("waiting", flush=True)
    sys.stdin.readline()
print("through", flush=True)
sys.stdin.readline()
"""


@contextmanager
def waiter(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that waits for the warehouse."""
    command = [sys.executable, "-c", _WAIT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


def test_nobody_waits_for_a_warehouse_at_first(path: Path) -> None:
    assert not waiters.is_waited_for(path)
    assert not waiters.is_waited_for(None)
    assert list(path.parent.iterdir()) == [], "to look leaves nothing behind"


def test_a_waiter_is_seen_by_another_process_until_it_is_through(path: Path) -> None:
    with waiter(path) as process:
        assert waiters.is_waited_for(path)
        assert not waiters.is_waited_for(path.with_name("other.duckdb"))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "through\n"
        assert not waiters.is_waited_for(path)


def test_a_waiter_that_is_killed_waits_no_more(path: Path) -> None:
    with waiter(path) as process:
        assert waiters.is_waited_for(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not waiters.is_waited_for(path)


def test_as_long_as_one_of_several_waits_it_is_seen(path: Path) -> None:
    with waiters.show_waiting(path):
        with waiter(path), waiters.show_waiting(path):
            assert waiters.is_waited_for(path)
        assert waiters.is_waited_for(path)
    assert not waiters.is_waited_for(path)


def test_a_failure_of_the_waiter_ends_its_waiting(path: Path) -> None:
    with pytest.raises(OSError, match="its own"), waiters.show_waiting(path):
        raise OSError("its own")
    assert not waiters.is_waited_for(path)


def test_where_no_file_can_be_written_waiting_goes_on_unseen(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "calls.duckdb"
    with waiters.show_waiting(nowhere):
        assert not waiters.is_waited_for(nowhere)
    with waiters.show_waiting(None):
        pass


def test_where_files_cannot_be_locked_waiting_goes_on_unseen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(file: object, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(waiters.fcntl, "flock", no_locks)
    with waiters.show_waiting(path):
        assert not waiters.is_waited_for(path)


def test_way_is_made_only_for_those_who_wait(path: Path) -> None:
    slept: list[float] = []
    warehouse = replace(Warehouse.at(path), sleep=slept.append)
    warehouse.make_way()
    assert slept == []
    with waiter(path):
        warehouse.make_way()
    assert len(slept) == 1
    warehouse.make_way()
    assert len(slept) == 1


def test_a_warehouse_in_memory_makes_way_for_nobody() -> None:
    slept: list[float] = []
    replace(Warehouse.in_memory(), sleep=slept.append).make_way()
    assert slept == []


_HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


def test_who_finds_the_warehouse_held_is_seen_while_it_waits_and_not_after(path: Path) -> None:
    duckdb.connect(str(path)).close()
    seen: list[bool] = []
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waiting = replace(
            Warehouse.at(path, lock_timeout_s=0.2), sleep=lambda s: seen.append(waiters.is_waited_for(path))
        )
        with pytest.raises(WarehouseLocked), waiting.writing():
            pass
        holder.communicate("\n")
    assert seen
    assert all(seen)
    assert not waiters.is_waited_for(path)
    seen.clear()
    with waiting.writing():
        assert not waiters.is_waited_for(path)
    assert seen == [], "a warehouse that is free is not waited for"
