"""Measures that a backfill's memory does not grow with the number of calls, and when its results show.

    python benchmarks/memory.py 1000 4000

For each number: a fresh warehouse, a simulated API in a process of its own, one backfill; prints calls per
second, the peak memory of the backfill process in MB, and the share of the run after which the first calls
could be queried. Compare the lines of one run; absolute values depend on the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb


def main(sizes: list[int]) -> None:
    print(f"{'calls':>8} {'calls/s':>8} {'peak MB':>8} {'first results after':>20}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure(size, Path(folder))


def measure(size: int, folder: Path) -> None:
    ids = folder / "ids.txt"
    simulator = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pipeline",
            "simulate",
            "--calls",
            str(size),
            "--port",
            "0",
            "--ids",
            str(ids),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert simulator.stdout is not None
        settings = dict(word.split("=", 1) for word in simulator.stdout.readline().split()[1:])
        started = time.monotonic()
        backfill = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "backfill", str(ids), "--data-dir", str(folder / "data")],
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        first_s = None
        while True:
            pid, status, usage = os.wait4(backfill.pid, os.WNOHANG)
            if pid:
                break
            if first_s is None and has_calls(folder / "data" / "warehouse.duckdb"):
                first_s = time.monotonic() - started
            time.sleep(0.2)
        took_s = time.monotonic() - started
        assert os.waitstatus_to_exitcode(status) == 0
        share = 1.0 if first_s is None else first_s / took_s
        print(f"{size:>8,} {size / took_s:>8,.0f} {usage.ru_maxrss / 1024:>8,.0f} {share:>20.0%}")
    finally:
        simulator.terminate()
        simulator.wait()


def has_calls(warehouse: Path) -> bool:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute("select count(*) from calls").fetchone()
            return bool(found and found[0])
    except duckdb.Error:
        return False


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1000, 4000])
