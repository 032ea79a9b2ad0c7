"""Measures that a backfill's memory does not grow with the number of calls, and when its results show.

    python benchmarks/memory.py 1000 4000

For each number: a fresh warehouse, prepared calls served by a process of their own, one backfill; prints
calls per second, the peak memory of the backfill process in MB, and the share of the run after which the
first calls could be queried. Compare the lines of one run; absolute values depend on the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

if __name__ == "__main__":
    # Run by its path, Python looks for modules beside it.
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import contest
from benchmarks.bodies import call_ids
from benchmarks.contest import Measured, Row, Scale
from benchmarks.server import serving

_TIMES_MORE = 10
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Watched:
    calls: int
    seconds: float
    peak_mb: float
    first_share: float


def measure(scale: Scale) -> Measured:
    pairs = [(_alone(scale.calls), _alone(scale.calls * _TIMES_MORE)) for _ in range(scale.repetitions)]
    # The pair with the median ratio: how high a run peaks depends a little on what its threads do at once.
    few, many = sorted(pairs, key=lambda pair: pair[1].peak_mb / pair[0].peak_mb)[len(pairs) // 2]
    rows = [
        Row(
            f"peak memory, {many.calls:,} calls",
            f"{few.calls:,} calls",
            many.peak_mb / few.peak_mb,
            1.15,
            False,
            f"{many.peak_mb:,.0f} MB, {many.calls / many.seconds:,.0f} calls/s, first results after "
            f"{many.first_share:.0%} of the run",
            f"{few.peak_mb:,.0f} MB",
        ),
        Row(
            f"peak memory, {many.calls:,} calls",
            "600 MB",
            many.peak_mb,
            600,
            False,
            f"{many.peak_mb:,.0f} MB",
            "",
            " MB",
        ),
    ]
    return Measured(rows, {"peak_mb": many.peak_mb, "long_run_calls_per_s": many.calls / many.seconds})


def _alone(calls: int) -> Watched:
    # A process counts what its parent held when it started, and this one may have grown by measuring.
    return Watched(**contest.run(contest.command("-m", "benchmarks.memory", "--facts", str(calls))).facts)


def backfilled(calls: int) -> Watched:
    with contest.scratch() as folder, serving() as base_url:
        ids = contest.ids_file(folder, call_ids(calls))
        started = time.monotonic()
        backfill = subprocess.Popen(
            contest.command("-m", "pipeline", "backfill", ids, "--data-dir", folder / "data"),
            env=os.environ | {"PREFECT_API_URL": ""} | contest.api(base_url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=contest.ROOT,
        )
        first_s = None
        while True:
            pid, status, usage = os.wait4(backfill.pid, os.WNOHANG)
            if pid:
                break
            if first_s is None and has_calls(folder / "data" / "warehouse.duckdb"):
                first_s = time.monotonic() - started
            time.sleep(_LOOK_EVERY_S)
        took_s = time.monotonic() - started
        backfill.returncode = os.waitstatus_to_exitcode(status)
        assert backfill.returncode == 0
        return Watched(calls, took_s, usage.ru_maxrss / 1024, (first_s or took_s) / took_s)


def has_calls(warehouse: Path) -> bool:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            found = connection.execute("select count(*) from calls").fetchone()
            return bool(found and found[0])
    except duckdb.Error:
        return False


def main(sizes: list[int]) -> None:
    print(f"{'calls':>8} {'calls/s':>8} {'peak MB':>8} {'first results after':>20}")
    for size in sizes:
        found = backfilled(size)
        per_s = size / found.seconds
        print(f"{size:>8,} {per_s:>8,.0f} {found.peak_mb:>8,.0f} {found.first_share:>20.0%}", flush=True)


if __name__ == "__main__" and sys.argv[1:2] == ["--facts"]:
    print(json.dumps(asdict(backfilled(int(sys.argv[2])))))
elif __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1000, 4000])
