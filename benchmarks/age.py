"""Measures what commands with nothing or little to do cost after ever more runs: it may not grow.

    python -m benchmarks.age                                    all of it, about half an hour
    python -m benchmarks.age --part ledger --sizes 1000 10000000
    python -m benchmarks.age --part chunks --repetitions 3 --keep /tmp/aged

Parts: `ledger` has so many ids in etl_outcomes, with their calls; `runs` so many rows in etl_runs; `chunks`
so many chunks that are landed and loaded. Each command is a process of its own, in turns over all sizes.
Prints for each size the least CPU seconds of the process (user and system) and the peak of its memory, and
the ratio to the smallest size. `--keep` leaves the data folders, which the next run takes as they are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from benchmarks import aged, contest
from benchmarks.aged import Size
from pipeline.simulator import Account, CallBook, running

AIM = 1.1
KEY = "key_benchmark"
# One moment for all, so that folders of an earlier run know the account.
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
PARTS: dict[str, tuple[Callable[[int], Size], list[int]]] = {
    "ledger": (lambda count: Size(ids=count), [1000, 1_000_000, 10_000_000]),
    "runs": (lambda count: Size(ids=1000, runs=count), [10, 10_000]),
    "chunks": (lambda count: Size(ids=1000, chunks=count), [10, 1000, 10_000, 100_000]),
}


class Took(NamedTuple):
    """What a command took."""

    cpu_s: float
    peak_mb: float


def main() -> None:
    options = parsed()
    for part in options.part or PARTS:
        make_size, sizes = PARTS[part]
        with keeping(options.keep) as folder, serving() as base_url:
            folders = {
                count: made(folder, f"{part}-{count}", make_size(count), base_url)
                for count in options.sizes or sizes
            }
            report(part, measure(folders, base_url, options.repetitions, options.commands))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--sizes", type=int, nargs="+", help="sizes of each part, the smallest first")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder for the data folders, which stay there")
    return parser.parse_args()


@contextmanager
def keeping(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with contest.scratch() as made_now:
            yield made_now
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


@contextmanager
def serving() -> Iterator[str]:
    book = CallBook(count=aged.REAL_CALLS, shape="today", until=UNTIL, as_of=UNTIL)
    with running(Account(book), api_key=KEY) as server:
        yield server.base_url


def made(folder: Path, name: str, size: Size, base_url: str) -> Path:
    synced, data = folder / "synced", folder / name
    if not synced.exists():
        run(["sync", "--data-dir", str(synced)], base_url)
    print(f"… making {name}", file=sys.stderr, flush=True)
    # In a process of its own: what it takes would count as the peak of every process that follows.
    contest.run(contest.command("-m", "benchmarks.aged", synced, data, *map(str, size)))
    return data


def backfill_known(data: Path) -> list[str]:
    """A call that came in the middle of all that the account has not."""
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        [known] = connection.execute(
            "select call_id from etl_outcomes where outcome in ('loaded', 'unchanged') "
            "and recorded_at <= (select quantile_disc(recorded_at, 0.5) from etl_outcomes) "
            "order by recorded_at desc limit 1"
        ).fetchone() or ("",)
    return ["backfill", known]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "backfill": backfill_known,
    "status": lambda data: ["status"],
    "load": lambda data: ["load"],
    "sync": lambda data: ["sync"],
    "publish": lambda data: ["publish"],
}


def measure(
    folders: dict[int, Path], base_url: str, repetitions: int, commands: list[str]
) -> dict[str, dict[int, Took]]:
    """Run every command in every folder, and again; return the least of each."""
    found: dict[str, dict[int, Took]] = {}
    for name in commands:
        given = {count: COMMANDS[name](data) for count, data in folders.items()}
        runs: dict[int, list[Took]] = {count: [] for count in folders}
        for _ in range(repetitions):
            for count, data in folders.items():
                runs[count].append(run([*given[count], "--data-dir", str(data)], base_url))
        found[name] = {count: Took(*map(min, zip(*runs[count], strict=True))) for count in folders}
    return found


def run(arguments: list[str], base_url: str) -> Took:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=contest.ROOT,
            env=kept | {"RETELL_API_KEY": KEY, "RETELL_BASE_URL": base_url},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{arguments} left with {process.returncode}: {said.read()[-2000:]!r}")
    return Took(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def report(part: str, found: dict[str, dict[int, Took]]) -> None:
    sizes = list(next(iter(found.values())))
    print(f"\n| command, by {part} | {' | '.join(f'{size:,}' for size in sizes)} | ratio | aim | |")
    print(f"|---|{'--:|' * len(sizes)}--:|--:|---|")
    for name, took in found.items():
        cells = " | ".join(f"{took[size].cpu_s:.2f} CPU s, {took[size].peak_mb:,.0f} MB" for size in sizes)
        ratio = took[sizes[-1]].cpu_s / took[sizes[0]].cpu_s
        print(f"| {name} | {cells} | {ratio:.2f}× | ≤ {AIM}× | {'met' if ratio <= AIM else '**not met**'} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
