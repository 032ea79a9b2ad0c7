"""One damaged file of a data folder, whichever and however: commands say so, and change nothing in silence.

Every kind of file × every kind of damage, for files of landing both where they wait for their load and where
they are loaded. A seeded sample runs by default, a larger one in the slow suite; `FAULT_CASES=1000` runs more
of them, `FAULT_CASES=all` runs all. `test_landing_damage` tries every damage on landing alone.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from support.damage import DAMAGES, FOREIGN, Scene
from support.fault_place import (
    LANDED,
    NEW_IDS,
    OLD_IDS,
    REJECTED,
    FaultPlace,
    assert_said_well,
    fault_place,
    pick_files,
    read_lost,
    without,
)
from support.lab import tables_in

CASE_LIMIT_S = 300
SAMPLE = 4
SLOW_SAMPLE = 70
CASES = [
    *((kind, name, state) for kind in LANDED for name in DAMAGES for state in ("loaded", "waiting")),
    *((where, name, "loaded") for where in ("landing", "a run's folder") for name in FOREIGN),
    *((kind, name, "loaded") for kind in ("clock", "index", "sync state") for name in DAMAGES),
    *((kind, name, "loaded") for kind in ("quarantined body", "quarantined facts") for name in DAMAGES),
    *((kind, name, "loaded") for kind in ("warehouse", "readers' copy") for name in DAMAGES),
]


def list_cases(count: str) -> list[tuple[str, str, str]]:
    """Return so many cases, in an order that has every kind and every damage early."""
    rng = random.Random("order of cases")
    shuffled = rng.sample(CASES, len(CASES))
    # A cut and a flip stand for all of theirs: only what is of another kind comes first.
    seen: set[tuple[str, str]] = set()
    first, rest = [], []
    for case in shuffled:
        kind = (case[0], case[1].split(" ")[0] if case[1].startswith(("cut ", "flip ")) else case[1])
        (rest if kind in seen else first).append(case)
        seen.add(kind)
    return first + rest if count == "all" else (first + rest)[: int(count)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultPlace]:
    """A data folder to damage copies of."""
    with fault_place(tmp_path_factory.mktemp("faults")) as made:
        yield made


def check(place: FaultPlace, kind: str, name: str, state: str) -> None:
    """Damage a copy of the data folder and ask what must hold of it."""
    data_dir = place.copy(is_loaded=state == "loaded")
    files = pick_files(data_dir)
    if kind in files:
        file, neighbour = files[kind]
        DAMAGES[name](Scene(file, neighbour, f"{kind} {name} {state}"))
    else:
        landing = data_dir / "landing"
        FOREIGN[name](landing if kind == "landing" else files["manifest"][0].parent)
    match kind:
        case "sync state":
            check_sync_state(place, data_dir)
        case "quarantined body" | "quarantined facts":
            check_quarantine(place, data_dir)
        case "warehouse":
            check_warehouse(place, data_dir)
        case "readers' copy":
            check_readers_copy(place, data_dir)
        case _:
            check_landing(place, data_dir)
    remove(data_dir)


def check_landing(place: FaultPlace, data_dir: Path) -> None:
    """After a repair what is sound is loaded, and what is lost is named and can be fetched again."""
    assert_said_well(place.run(data_dir, "load", is_ordinary=True), 0, 1)
    repaired = place.run(data_dir, "repair", "--json", is_ordinary=True)
    assert_said_well(repaired, 0)
    lost_ids, lost = read_lost(repaired)
    assert_said_well(place.run(data_dir, "load", is_ordinary=True), 0)
    assert_said_well(place.run(data_dir, "status", is_ordinary=True), 0)
    assert without(tables_in(data_dir / "warehouse.duckdb"), lost) == without(place.tables, lost)
    if lost_ids is not None:
        assert_said_well(place.run(data_dir, "backfill", lost_ids, "--force", is_ordinary=True), 0, 3)
    known = next(call_id for call_id in (*NEW_IDS, *OLD_IDS) if call_id not in lost)
    fetched = place.run(data_dir, "backfill", known, "--force", is_ordinary=True)
    clock = data_dir / "landing" / "clock.json"
    if is_unreadable(clock):
        # Whoever took the permissions has to give them back.
        assert_said_well(fetched, 1)
        assert f"cannot write to {clock}" in fetched.err
        clock.unlink()
        fetched = place.run(data_dir, "backfill", known, "--force", is_ordinary=True)
    assert_said_well(fetched, 0)
    assert tables_in(data_dir / "warehouse.duckdb") == place.tables
    again = place.run(data_dir, "repair", is_ordinary=True)
    assert_said_well(again, 0)
    assert "nothing to repair" in again.out


def check_sync_state(place: FaultPlace, data_dir: Path) -> None:
    """`sync` lists all again, or names the file; without it, it works."""
    path = data_dir / "sync.json"
    for command in ("load", "status"):
        assert_said_well(place.run(data_dir, command, is_ordinary=True), 0)
    synced = place.run(data_dir, "sync", is_ordinary=True)
    assert_said_well(synced, 0, 1, 3)
    if synced.code == 1:
        assert str(data_dir) in synced.err
        remove(path)
        assert_said_well(place.run(data_dir, "sync", is_ordinary=True), 0, 3)
    assert tables_in(data_dir / "warehouse.duckdb") == place.tables


def check_quarantine(place: FaultPlace, data_dir: Path) -> None:
    """Only who tries it again reads the quarantine, and a call that is asked for again is kept again."""
    for command in (("load",), ("status",)):
        assert_said_well(place.run(data_dir, *command, is_ordinary=True), 0)
    assert_said_well(place.run(data_dir, "replay", "--quarantine", is_ordinary=True), 0, 1)
    assert_said_well(place.run(data_dir, "backfill", REJECTED, "--force", is_ordinary=True), 3)
    assert tables_in(data_dir / "warehouse.duckdb") == place.tables


def check_warehouse(place: FaultPlace, data_dir: Path) -> None:
    """Each command works or says in a sentence that the file is damaged; what is landed fills a new one."""
    path = data_dir / "warehouse.duckdb"
    for command in (("status",), ("load",), ("backfill", NEW_IDS[0], "--force")):
        assert_said_well(place.run(data_dir, *command, is_ordinary=True), 0, 1)
    if path.is_file() and not is_unreadable(path):
        try:
            found = tables_in(path)
        except (duckdb.Error, OSError):
            pass
        else:
            assert found in (place.tables, {})
    remove(path)
    Path(f"{path}.wal").unlink(missing_ok=True)
    assert_said_well(place.run(data_dir, "load", is_ordinary=True), 0)
    assert tables_in(path) == place.tables


def check_readers_copy(place: FaultPlace, data_dir: Path) -> None:
    """A run makes a new copy, or says why it cannot; without the damaged one it can."""
    copy = data_dir / "analytics.duckdb"
    for command in (("status",), ("load",)):
        assert_said_well(place.run(data_dir, *command, is_ordinary=True), 0)
    for publish in ("run", "30"):
        forced = ("backfill", NEW_IDS[0], "--force")
        ended = place.run(data_dir, *forced, is_ordinary=True, PIPELINE_PUBLISH=publish)
        assert_said_well(ended, 0, 1)
    published = place.run(data_dir, "publish", is_ordinary=True)
    assert_said_well(published, 0, 1)
    if published.code == 1:
        assert str(copy) in published.err
        remove(copy)
        assert_said_well(place.run(data_dir, "publish", is_ordinary=True), 0)
    for path in (copy, data_dir / "warehouse.duckdb"):
        assert tables_in(path) == place.tables


def is_unreadable(path: Path) -> bool:
    return path.is_file() and not path.stat().st_mode & 0o400


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# Found when all cases were run.
ONCE_WRONG = [("a run's folder", "an unreadable folder", "loaded")]


def check_cases(place: FaultPlace, cases: list[tuple[str, str, str]]) -> None:
    failures = []
    for case in cases:
        # The limit of a test is that of a case: any number of them may be asked for.
        signal.alarm(CASE_LIMIT_S)
        try:
            check(place, *case)
        except AssertionError as failure:
            failures.append(f"{', '.join(case)}: {failure}")
    assert failures == []


def test_a_damaged_file_is_told_and_nothing_else_changes(place: FaultPlace) -> None:
    check_cases(place, list_cases(str(SAMPLE)) + ONCE_WRONG)


@pytest.mark.slow
def test_whatever_file_is_damaged_however_is_told_and_nothing_else_changes(place: FaultPlace) -> None:
    check_cases(place, list_cases(os.environ.get("FAULT_CASES", str(SLOW_SAMPLE))))
