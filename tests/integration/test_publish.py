"""The readers' copy: it is always some whole published state, whatever readers, loads and crashes do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipeline.config import load_settings
from pipeline.errors import WarehouseError
from pipeline.publish import readers_copy
from pipeline.publish.parquet import export
from pipeline.simulator import CallBook, running
from pipeline.warehouse import file_copy, migration, schema
from pipeline.warehouse.database import Warehouse
from support.command_line import Cli, Holder
from support.warehouse_files import Payload, Place, query

UNTIL = datetime(2025, 6, 2, 15, tzinfo=UTC)
BOOK = CallBook(seed=5, count=60, until=UNTIL, days=6)

# Connects again and again, holds what it has opened for a while, and says what it saw.
_READER = """
import json, sys, time, duckdb
path, stop = sys.argv[1:]
import os
seen = []
while not os.path.exists(stop):
    with duckdb.connect(path, read_only=True) as copy:
        states = []
        for _ in range(3):
            states.append(copy.sql(
                "select run_id, calls, (select count(*) from calls),"
                " (select count(*) from utterances where call_id not in (select call_id from calls)),"
                " (select count(*) from calls where extracted_at <> (select max(extracted_at) from calls))"
                " from published"
            ).fetchone())
            time.sleep(0.01)
        assert len(set(states)) == 1, states
        seen.append(states[0])
print(json.dumps(seen))
"""


def payloads(fetched_at: datetime, count: int = 10) -> list[Payload]:
    return [
        Payload(BOOK.call_id(index), json.dumps(BOOK.payload(index)).encode(), fetched_at)
        for index in range(count)
    ]


def readers(data_dir: Path) -> Warehouse:
    return Warehouse.at(data_dir / "analytics.duckdb", lock_timeout_s=1)


def loaded(place: Place, fetched_at: datetime, count: int = 10) -> None:
    place.land(payloads(fetched_at, count))
    place.load()


@pytest.mark.parametrize("loads", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_a_reader_meets_no_error_and_no_mixture_while_loads_are_published(tmp_path: Path, loads: int) -> None:
    place, copy, stop = Place(tmp_path), tmp_path / "analytics.duckdb", tmp_path / "stop"
    schema.ensure(place.warehouse)
    loaded(place, UNTIL)
    readers_copy.publish(place.warehouse, copy)
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(copy), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    held = duckdb.connect(str(copy), read_only=True)
    first = held.sql("from published").fetchall()
    for number in range(1, loads + 1):
        # All calls change at once, so a mixture of two states would show two moments of extraction.
        loaded(place, UNTIL + timedelta(minutes=number))
        readers_copy.publish(place.warehouse, copy)
    stop.touch()
    said, failed = reader.communicate(timeout=60)
    assert reader.returncode == 0, failed
    seen = json.loads(said)
    assert len(seen) > 3
    assert {tuple(state[1:]) for state in seen} == {(10, 10, 0, 0)}
    assert held.sql("from published").fetchall() == first
    held.close()


def test_a_load_goes_on_while_a_reader_has_the_copy_open(
    cli: Cli, hold: Callable[..., Holder], tmp_path: Path
) -> None:
    with running(BOOK) as server:
        assert cli("backfill", *BOOK.call_ids(), server=server, PIPELINE_PUBLISH="run").code == 0
        hold(tmp_path / "data" / "analytics.duckdb", "reading")
        again = cli(
            "backfill",
            *BOOK.call_ids(),
            "--force",
            server=server,
            PIPELINE_LOCK_TIMEOUT="0",
            PIPELINE_PUBLISH="run",
        )
    assert again.code == 0, again.err
    rows = query(readers(tmp_path / "data"), "select calls from published")
    assert rows == [(60,)]


def test_the_copy_says_after_which_run_it_was_made(cli: Cli, tmp_path: Path) -> None:
    with running(BOOK) as server:
        ran = cli("backfill", *BOOK.call_ids(), "--json", server=server, PIPELINE_PUBLISH="run")
    [(run_id, published_at)] = query(readers(tmp_path / "data"), "select run_id, published_at from published")
    assert run_id == json.loads(ran.out)["run_id"]
    assert abs(published_at - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)


def test_a_copy_that_cannot_be_written_leaves_the_former_one_and_says_what_to_do(tmp_path: Path) -> None:
    place, copy = Place(tmp_path), tmp_path / "analytics.duckdb"
    schema.ensure(place.warehouse)
    readers_copy.publish(place.warehouse, copy)
    before = copy.read_bytes()
    with pytest.MonkeyPatch.context() as patch:

        def refuse(source: Path, target: Path, *, is_flushed: bool) -> None:
            raise OSError("No space left on device")

        patch.setattr("pipeline.warehouse.file_copy.copy_file", refuse)
        with pytest.raises(WarehouseError, match=r"could not be written \(No space left.* publish"):
            readers_copy.publish(place.warehouse, copy)
    assert copy.read_bytes() == before


def test_what_a_killed_publication_left_is_gone_after_the_next(tmp_path: Path) -> None:
    place, copy = Place(tmp_path), tmp_path / "analytics.duckdb"
    schema.ensure(place.warehouse)
    for left in ("making", "making.part", "making.wal"):
        (tmp_path / f"analytics.duckdb.{left}").write_bytes(b"half")
    (tmp_path / "analytics.duckdb.wal").write_bytes(b"of another file")
    readers_copy.publish(place.warehouse, copy)
    assert {path.name for path in tmp_path.glob("analytics*")} == {
        "analytics.duckdb",
        "analytics.duckdb.publishing",
    }
    assert query(readers(tmp_path), "select calls from published") == [(0,)]


@pytest.mark.parametrize(
    ("when", "age_s", "during", "at_the_end"),
    [
        ("run", 10, False, True),
        ("run", 400, True, True),
        ("always", 10, True, True),
        ("off", 10**6, False, False),
        ("15m", 60, False, False),
        ("15m", 1000, True, True),
    ],
)
def test_when_readers_get_a_copy_is_a_setting(
    tmp_path: Path, when: str, age_s: int, during: bool, at_the_end: bool
) -> None:
    settings = load_settings(data_dir=tmp_path, publish=when)
    settings.readers_copy.touch()
    then = time.time() - age_s
    os.utime(settings.readers_copy, (then, then))
    assert readers_copy.is_due(settings, at_the_end=False) is during
    assert readers_copy.is_due(settings, at_the_end=True) is at_the_end


def test_no_copy_is_made_where_none_is_wanted(cli: Cli, tmp_path: Path) -> None:
    with running(BOOK) as server:
        assert cli("backfill", *BOOK.call_ids(), server=server, PIPELINE_PUBLISH="off").code == 0
    assert not (tmp_path / "data" / "analytics.duckdb").exists()
    assert cli("publish").code == 0
    assert (tmp_path / "data" / "analytics.duckdb").exists()


def copied_calls(data_dir: Path) -> int:
    [(calls,)] = query(readers(data_dir), "select calls from published")
    return int(calls)


def test_what_was_loaded_without_a_copy_is_in_that_of_the_next_run_though_it_loads_nothing(
    cli: Cli, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    all_ids = list(BOOK.call_ids())[:5]
    some = all_ids[:2]
    with running(BOOK) as server:
        assert cli("backfill", *some, server=server, PIPELINE_PUBLISH="run").code == 0
        assert copied_calls(data) == 2
        # No copy is wanted, or none can be made.
        assert cli("backfill", *all_ids, server=server, PIPELINE_PUBLISH="off").code == 0
        assert copied_calls(data) == 2
        assert cli("backfill", *all_ids, server=server, PIPELINE_PUBLISH="run").code == 0
        assert copied_calls(data) == 5
    made = (data / "analytics.duckdb").stat()
    assert cli("load", PIPELINE_PUBLISH="run").code == 0
    assert (data / "analytics.duckdb").stat().st_ino == made.st_ino


@pytest.mark.parametrize("command", ["load", "replay", "sync"])
def test_what_a_version_before_left_is_migrated_in_the_copy_too(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    with running(BOOK) as server:
        assert cli("sync", server=server, PIPELINE_PUBLISH="run").code == 0
        warehouse, copy = tmp_path / "data" / "warehouse.duckdb", tmp_path / "data" / "analytics.duckdb"
        # One step back.
        assert cli("migrate", "--to", migration.read_scripts().get_revision("head").down_revision).code == 0
        shutil.copyfile(warehouse, copy)
        assert cli(command, server=server, PIPELINE_PUBLISH="run").code == 0
    versions = [query(Warehouse.at(path), "from alembic_version") for path in (warehouse, copy)]
    assert versions == [[(schema.find_head(),)]] * 2


def test_a_change_that_is_noted_while_a_copy_is_made_is_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, copy = Place(tmp_path), tmp_path / "analytics.duckdb"
    schema.ensure(place.warehouse)
    readers_copy.note_change(copy)
    flush = file_copy.flush_copy

    def load_meanwhile(path: Path) -> None:
        readers_copy.note_change(copy)
        flush(path)

    with monkeypatch.context() as patched:
        patched.setattr(file_copy, "flush_copy", load_meanwhile)
        readers_copy.publish(place.warehouse, copy)
    assert readers_copy.is_behind(copy)
    readers_copy.publish(place.warehouse, copy)
    assert not readers_copy.is_behind(copy)


def test_a_warehouse_named_like_its_copy_is_refused(cli: Cli, tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    schema.ensure(place.warehouse)
    (tmp_path / "data" / "warehouse.duckdb").rename(tmp_path / "data" / "analytics.duckdb")
    refused = cli("publish", "--warehouse", tmp_path / "data" / "analytics.duckdb")
    assert refused.code == 1
    assert "give the warehouse another name" in refused.err


def test_parquet_holds_the_same_rows_and_only_days_that_changed_are_written_again(tmp_path: Path) -> None:
    place, copy, folder = Place(tmp_path), tmp_path / "analytics.duckdb", tmp_path / "parquet"
    schema.ensure(place.warehouse)
    loaded(place, UNTIL, count=40)
    readers_copy.publish(place.warehouse, copy)
    first = export(copy, folder)
    assert first.written > 2
    assert first.unchanged == first.removed == 0
    inodes = {path: path.stat().st_ino for path in folder.rglob("*.parquet")}
    # One call changes: its day is written again, and no other.
    changed = json.dumps(BOOK.payload(3) | {"metadata": {"is": "new"}}).encode()
    place.land([Payload(BOOK.call_id(3), changed, UNTIL + timedelta(days=1))])
    place.load()
    readers_copy.publish(place.warehouse, copy)
    again = export(copy, folder)
    assert (again.written, again.unchanged, again.removed) == (1, first.written - 1, 0)
    kept = {path for path, inode in inodes.items() if path.exists() and path.stat().st_ino == inode}
    assert {path.parent.name for path in inodes.keys() - kept} <= {
        path.parent.name for path in folder.rglob("*.parquet")
    }
    assert len({path.parent.name for path in inodes.keys() - kept}) == 1
    for table in ("calls", "words", "latency_stats"):
        [(rows,)] = query(readers(tmp_path), f"select count(*) from {table}")
        read = duckdb.sql(f"select count(*) from read_parquet('{folder}/{table}/*/*.parquet')").fetchall()
        assert read == [(rows,)]
    assert json.loads((folder / "manifest.json").read_bytes())["days"].keys() == {
        path.parent.name.removeprefix("day=") for path in folder.rglob("*.parquet")
    }


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    place, copy = Place(tmp_path), tmp_path / "analytics.duckdb"
    schema.ensure(place.warehouse)
    readers_copy.publish(place.warehouse, copy)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").write_text("dear")
    with pytest.raises(WarehouseError, match="something else"):
        export(copy, tmp_path / "mine")
    assert (tmp_path / "mine" / "letters.txt").read_text() == "dear"
