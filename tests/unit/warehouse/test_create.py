"""The file of a new warehouse: whole or not there, and untouched by the log of one that was there before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.errors import WarehouseError
from pipeline.warehouse import create

# A row in the database and one in its log, by a process that is killed before it closes the file.
WITH_LOG = """
import os, sys
import duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table said as select 'in the file' as word")
connection.execute("checkpoint")
connection.execute("insert into said values ('in the log')")
os._exit(9)
"""
MAKE = """
import sys
from pathlib import Path
from pipeline.warehouse import create
print("ready", flush=True)
sys.stdin.readline()
create.ensure_file(Path(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def with_log(path: Path) -> Path:
    subprocess.run([sys.executable, "-c", WITH_LOG, path], check=False)
    log = path.with_name(f"{path.name}.wal")
    assert log.stat().st_size
    return log


def said(path: Path) -> list[str]:
    with duckdb.connect(str(path)) as connection:
        return [word for (word,) in connection.execute("select word from said order by all").fetchall()]


def test_a_log_of_a_file_that_was_moved_is_put_aside_and_both_can_be_opened(path: Path) -> None:
    log = with_log(path)
    moved = path.rename(path.with_name("moved.duckdb"))
    create.ensure_file(path)
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("from duckdb_tables()").fetchall() == []
    aside = path.with_name(f"{log.name}.orphaned")
    assert sorted(path.parent.iterdir()) == sorted([moved, path, aside])
    # Moved back with its log, the former one has all that it had.
    path.unlink()
    moved.rename(path)
    aside.rename(log)
    assert said(path) == ["in the file", "in the log"]


def test_a_file_that_is_there_keeps_its_log(path: Path) -> None:
    with_log(path)
    create.ensure_file(path)
    assert said(path) == ["in the file", "in the log"]


def test_many_at_once_make_one_file_that_can_be_opened(path: Path) -> None:
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdout
        assert maker.stdout.readline()
    for maker in makers:
        maker.communicate(b"\n")
        assert maker.returncode == 0
    assert list(path.parent.iterdir()) == [path]
    duckdb.connect(str(path)).close()


def test_what_a_killed_process_began_is_removed(path: Path) -> None:
    path.with_name(f"{path.name}.new-1").write_bytes(b"half a file")
    create.ensure_file(path)
    assert list(path.parent.iterdir()) == [path]


def test_where_nothing_can_be_written_the_error_names_the_file(path: Path) -> None:
    missing = path.parent / "missing" / path.name
    with pytest.raises(WarehouseError, match=f"cannot open the warehouse {missing} ") as refused:
        create.ensure_file(missing)
    assert ".new-" not in str(refused.value)
