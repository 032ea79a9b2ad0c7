"""Measures ways to make the readers' copy of a large warehouse, and what `publish` costs beside them.

    python benchmarks/publish.py 360000                    simulated calls, see views.py
    python benchmarks/publish.py data/warehouse.duckdb     a copy of your own warehouse

Works in a temporary folder (TMPDIR says where) with room for four times the file. Makes the copy in each way
in turn, and prints the least of three runs (one by SQL): seconds in all, seconds for which the warehouse is
locked, CPU seconds of the process and its children, and multiples of the first way, a plain copy of the bytes
that is on disk when it is done. A reader has the former copy open meanwhile: its answer must stay the same,
and that of a new reader must be that of the warehouse. Compare the ratios of one run; seconds depend on the
machine, and the file is mostly in the system's cache.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import Connection
from views import BASE, copy, simulated

from pipeline.publish import readers_copy as publishing
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata

RUNS = 3
# One run of it says enough.
SLOW = "copy from database"
# Most copies of the simulated calls that are made one by one; doubling them all is ten times as fast.
DIFFERENT = 24
DATA = [
    name
    for name, table in metadata.tables.items()
    if "call_id" in table.columns and not name.startswith("etl_")
]
# What a reader asks of the copy it holds: every block of these columns is read.
ASKED = "select count(*), bit_xor(hash(call_id, utterance_index, content, start_s)) from utterances"

KERNEL = """
import os, sys
with open(sys.argv[1], "rb") as old, open(sys.argv[2], "wb") as new:
    while os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
        pass
    if sys.argv[3:] == ["flush"]:
        os.fsync(new.fileno())
"""
BUFFERS = """
import os, shutil, sys
with open(sys.argv[1], "rb") as old, open(sys.argv[2], "wb") as new:
    shutil.copyfileobj(old, new, 1 << 20)
    os.fsync(new.fileno())
"""
SHARED = """
import fcntl, sys
with open(sys.argv[1], "rb") as old, open(sys.argv[2], "wb") as new:
    fcntl.ioctl(new, 0x40049409, old.fileno())
"""

# A way makes the copy under a new name, and returns for how long the warehouse was locked.
Way = Callable[[Path, Path], float]


def by_child(program: str, *flags: str) -> Way:
    """Return a way that copies the file in another process while this one holds the lock."""

    def way(warehouse: Path, making: Path) -> float:
        started = time.monotonic()
        with Warehouse.at(warehouse).exclusive() as connection:
            connection.exec_driver_sql("checkpoint")
            subprocess.run(
                [sys.executable, "-I", "-c", program, warehouse, making, *flags],
                check=True,
                capture_output=True,
            )
        return time.monotonic() - started

    return way


def by_sql(warehouse: Path, making: Path) -> float:
    started = time.monotonic()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as live (read_only)")
        connection.execute(f"attach '{making}' as made")
        connection.execute("copy from database live to made")
        connection.execute("checkpoint made")
    return time.monotonic() - started


def published(warehouse: Path, making: Path) -> float:
    """Return for how long the warehouse was locked while `publish` made and renamed its copy."""
    locked = 0.0

    class Watched(Warehouse):
        @contextmanager
        def exclusive(self) -> Iterator[Connection]:
            nonlocal locked
            with super().exclusive() as connection:
                started = time.monotonic()
                yield connection
            locked = time.monotonic() - started

    publishing.publish(Watched(Warehouse.at(warehouse).url), making)
    return locked


WAYS: dict[str, Way] = {
    "bytes, flushed": by_child(BUFFERS),
    "kernel copy, flushed": by_child(KERNEL, "flush"),
    "kernel copy, not flushed": by_child(KERNEL),
    "shared blocks": by_child(SHARED),
    "publish": published,
    SLOW: by_sql,
}


def main(source: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        warehouse, readers = folder / "warehouse.duckdb", folder / "analytics.duckdb"
        if source.isdecimal():
            base = simulated(folder)
            fill(warehouse, base, int(source))
            base.unlink()
        else:
            by_child(KERNEL)(Path(source), warehouse)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            [calls] = connection.execute("select count(*) from calls").fetchone() or (0,)
        print(f"{calls:,} calls, {warehouse.stat().st_size / 1e9:.2f} GB", flush=True)
        publishing.publish(Warehouse.at(warehouse), readers)
        measured: dict[str, list[tuple[float, float, float]]] = {}
        refused = set()
        for name in [name for name in WAYS if name != SLOW] * RUNS + [SLOW]:
            if name in refused:
                continue
            try:
                measured.setdefault(name, []).append(measure(WAYS[name], warehouse, readers))
                taken = ", ".join(f"{number:.2f}" for number in measured[name][-1])
                print(f"{name}: {taken} s in all, locked, of CPU", file=sys.stderr, flush=True)
            except subprocess.CalledProcessError:
                refused.add(name)
        first = best(measured["bytes, flushed"])
        print(f"{'way':<26} {'s':>7} {'ratio':>6} {'locked s':>9} {'CPU s':>7} {'ratio':>6}")
        for name in WAYS:
            if name in refused:
                print(f"{name:<26} this file system cannot")
                continue
            taken_s, locked_s, cpu_s = best(measured[name])
            print(
                f"{name:<26} {taken_s:>7.2f} {taken_s / first[0]:>5.2f}× {locked_s:>9.2f} "
                f"{cpu_s:>7.2f} {cpu_s / first[2]:>5.2f}×"
            )
        print("a reader with the former copy open saw nothing of it")


def fill(warehouse: Path, base: Path, size: int) -> None:
    """Make a warehouse of at least as many calls: copies that differ, and then all of them doubled."""
    doublings = (-(-size // (BASE * DIFFERENT)) - 1).bit_length()
    copy(base, warehouse, -(-size // (BASE << doublings)))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set preserve_insertion_order = false")
        for number in range(doublings):
            for table in DATA:
                connection.execute(
                    f"insert into {table} by name "
                    f"select * replace (md5(call_id || '{number}') as call_id) from {table}"
                )
        connection.execute("checkpoint")


def best(runs: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    taken, locked, cpu = zip(*runs, strict=True)
    return min(taken), min(locked), min(cpu)


def measure(way: Way, warehouse: Path, readers: Path) -> tuple[float, float, float]:
    """Replace the copy in one way, with a reader on the former; return seconds, those locked, and of CPU."""
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, readers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    before = reader.stdout.readline()
    os.sync()
    started, used = time.monotonic(), cpu()
    making = readers if way is published else readers.with_name("making.duckdb")
    try:
        locked = way(warehouse, making)
        if making != readers:
            making.replace(readers)
        taken = time.monotonic() - started, locked, cpu() - used
    finally:
        making.unlink(missing_ok=True) if making != readers else None
        reader.stdin.write("again\n")
        reader.stdin.flush()
        after = reader.stdout.readline()
        reader.communicate(timeout=60)
    assert before == after != "", (before, after)
    with duckdb.connect(str(readers), read_only=True) as new:
        assert f"{new.execute(ASKED).fetchall()}\n" == after
    return taken


READER = f"""
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as held:
    held.execute("set enable_progress_bar = false")
    print(held.execute({ASKED!r}).fetchall(), flush=True)
    sys.stdin.readline()
    print(held.execute({ASKED!r}).fetchall(), flush=True)
"""


def cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "360000")
