"""How soon an account's numbers are complete, and how soon all of it is whole, under the account's limits.

    python -m benchmarks.numbers_first              1,000 calls, about eight minutes
    python -m benchmarks.numbers_first 20000 --rows sync numbers_only reconcile      about 37 minutes

A run says on stderr when the numbers are complete. The readers' copy of that moment is kept, and the rows of
four views in it are compared with those after the run: every number must be the same, floats to the last bit.
Retell publishes 100 calls and 15 pages of the listing in ten seconds, with `RateLimit-*` and no
`Retry-After`; the simulator enforces that from a process of its own. Seconds are those of the whole process,
with Python's start. dlt gets fewer calls, because what is compared are calls per second; it says itself how
long it took, without its imports.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import contest, machine
from benchmarks.__main__ import heading, line
from benchmarks.contest import Ran, Row
from benchmarks.limited_account import Counts, LimitedAccount, make_book, serving
from pipeline.simulator import Window

VIEWS = ("daily_latency", "disconnection_breakdown", "daily_costs", "daily_outcomes")
_PAGE = 1000
_DLT_CALLS = 300
_COMPLETE = "the numbers of "
# By default dlt gives a request up after five attempts, with 15 seconds between them at most.
_DLT = {"RUNTIME__REQUEST_MAX_ATTEMPTS": "20"}


@dataclass(frozen=True)
class Watched:
    """A run of the command line: when its numbers were complete and what readers had then, and its end."""

    ran: Ran
    asked: Counts
    numbers_s: float | None
    kept: Path | None

    def __str__(self) -> str:
        """Return what it cost, in words."""
        return f"{self.asked}; {self.ran.cpu_s:.1f} CPU s, load {os.getloadavg()[0]:.1f}"


@dataclass(frozen=True)
class Trial:
    """An account with its limits, and the folder that runs write into."""

    account: LimitedAccount
    calls: int
    limit: Window
    list_limit: Window
    folder: Path

    @property
    def pages(self) -> int:
        """Pages that the calls fill."""
        return math.ceil(self.calls / _PAGE)

    @property
    def listing_s(self) -> float:
        """Seconds of so many pages at the pace that is allowed."""
        return self.pages / (self.list_limit.count / self.list_limit.seconds)

    @property
    def numbers_aim_s(self) -> float:
        return 1.5 * self.listing_s + 10

    @property
    def whole_s(self) -> float:
        """Seconds of so many calls, one by one, at the pace that is allowed."""
        return self.calls / (self.limit.count / self.limit.seconds)

    def run(self, data: str, *arguments: str | Path) -> Watched:
        """Run a command into a data folder, after the windows of whatever ran before."""
        self.account.rest()
        before = self.account.count()
        data_dir = self.folder / data
        kept = self.folder / f"{data}-numbers.duckdb"
        args = contest.command("-m", "pipeline", *arguments, "--data-dir", data_dir, "--json")
        ran, numbers_s = watch(args, self.account.base_url, data_dir / "analytics.duckdb", kept)
        asked = self.account.count() - before
        return Watched(ran, asked, numbers_s, kept if kept.exists() else None)


def watch(args: list[str], base_url: str, copy: Path, kept: Path) -> tuple[Ran, float | None]:
    """Run a program to its end; keep the readers' copy of the moment when it says that numbers are complete.

    Returns how it ran and the seconds until that moment, None where it said nothing.
    """
    numbers_s = None
    with tempfile.TemporaryFile("w+") as out:
        started = time.monotonic()
        process = subprocess.Popen(
            args,
            cwd=contest.ROOT,
            env=os.environ | {"PREFECT_API_URL": ""} | contest.api(base_url),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for text in process.stderr:
            said.append(text)
            if _COMPLETE in text and numbers_s is None:
                numbers_s = time.monotonic() - started
                # A new copy is another file under the same name, so a link keeps this one, at no cost.
                os.link(copy, kept)
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{args} left with {process.returncode}: {''.join(said)[-2000:]}")
        out.seek(0)
        facts: dict[str, Any] = json.loads(out.read())
    return Ran(took_s, usage.ru_utime + usage.ru_stime, facts), numbers_s


def compare_views(early: Path, late: Path) -> dict[str, str]:
    """Return what is different of each view that is, in words."""
    with (
        duckdb.connect(str(early), read_only=True) as before,
        duckdb.connect(str(late), read_only=True) as now,
    ):
        found = {view: _describe_difference(_read(before, view), _read(now, view)) for view in VIEWS}
    return {view: difference for view, difference in found.items() if difference}


def _read(connection: duckdb.DuckDBPyConnection, view: str) -> list[tuple[Any, ...]]:
    """Return the rows in an order that no float has a part in: those may be nearly the same."""
    rows = connection.execute(f"select * from {view}").fetchall()
    return sorted(rows, key=lambda row: repr([value for value in row if not isinstance(value, float)]))


def _describe_difference(early: list[tuple[Any, ...]], late: list[tuple[Any, ...]]) -> str:
    if early == late:
        return ""
    if len(early) != len(late):
        return f"{len(early):,} rows instead of {len(late):,}"
    unequal = [(one, other) for one, other in zip(early, late, strict=True) if one != other]
    is_close = all(_is_close(*pair) for pairs in unequal for pair in zip(*pairs, strict=True))
    return f"{len(unequal):,} of {len(late):,} rows{' in the last digits of a float' if is_close else ''}"


def _is_close(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    return one == other


def measure_sync(trial: Trial) -> list[Row]:
    watched = trial.run("sync", "sync")
    return _make_rows("`sync`", trial, watched, trial.folder / "sync")


def measure_backfill(trial: Trial) -> list[Row]:
    ids = contest.ids_file(trial.folder, list(make_book(trial.calls).call_ids()))
    watched = trial.run("backfill", "backfill", ids)
    return _make_rows("`backfill ids.txt`", trial, watched, trial.folder / "backfill")


def _make_rows(name: str, trial: Trial, watched: Watched, data_dir: Path) -> list[Row]:
    what = f"{name} of {trial.calls:,} calls"
    whole = Row(
        f"{what}: everything whole",
        "one by one at the limit",
        watched.ran.seconds / trial.whole_s,
        1.05,
        False,
        f"{watched.ran.seconds:,.1f} s; {watched}",
        f"{trial.whole_s:,.0f} s",
    )
    if watched.numbers_s is None or watched.kept is None:
        # Whole calls that come within half a minute need no numbers before.
        return [whole]
    ours = f"{watched.numbers_s:.1f} s"
    unequal = compare_views(watched.kept, data_dir / "analytics.duckdb")
    return [
        Row(
            f"{what}: the numbers complete",
            f"1.5 × {trial.listing_s:.1f} s, and 10 s",
            watched.numbers_s,
            round(trial.numbers_aim_s, 1),
            False,
            f"{ours}; {_read_whole(watched.kept):,} calls whole then",
            f"{trial.listing_s:.1f} s for as many pages at the limit",
            " s",
        ),
        Row(
            f"{what}: the numbers complete, so many times sooner",
            "get-call alone at the limit",
            trial.whole_s / watched.numbers_s,
            50,
            True,
            ours,
            f"{trial.whole_s:,.0f} s",
        ),
        Row(
            f"{what}: views whose rows were then what they are at the end",
            ", ".join(f"`{view}`" for view in VIEWS),
            len(VIEWS) - len(unequal),
            len(VIEWS),
            True,
            "; ".join(f"`{view}`: {difference}" for view, difference in unequal.items()) or "all rows equal",
            "",
            "",
        ),
        whole,
    ]


def _read_whole(copy: Path) -> int:
    with duckdb.connect(str(copy), read_only=True) as connection:
        found = connection.execute("select count(*) from calls where detail = 'whole'").fetchone()
    return int(found[0]) if found else 0


def measure_numbers_only(trial: Trial) -> list[Row]:
    watched = trial.run("numbers-only", "sync", "--numbers-only")
    return [
        Row(
            f"`sync --numbers-only` of {trial.calls:,} calls",
            f"1.5 × {trial.listing_s:.1f} s, and 10 s",
            watched.ran.seconds,
            round(trial.numbers_aim_s, 1),
            False,
            f"{watched.ran.seconds:.1f} s; {watched}",
            f"{trial.listing_s:.1f} s for as many pages at the limit",
            " s",
        )
    ]


def measure_reconcile(trial: Trial) -> list[Row]:
    """Compare an account that has not changed with what `sync` has loaded; fetch it now if it has not."""
    if not (trial.folder / "sync").exists():
        trial.run("sync", "sync")
    watched = trial.run("sync", "reconcile", "--since", "60d")
    compared = watched.ran.facts["compared"]
    # Calls with a start fill pages of their own, and so do those without.
    aim = trial.pages + 1
    return [
        Row(
            f"`reconcile` of {trial.calls:,} calls that have not changed, requests",
            "pages that the calls fill, those without a start apart",
            watched.asked.page_count + watched.asked.calls,
            aim,
            False,
            f"{watched.ran.seconds:.1f} s; {watched}; {compared['unchanged']:,} unchanged, "
            f"{compared['changed'] + compared['missing'] + compared['deleted']:,} not",
            f"{aim}",
            "",
        )
    ]


def measure_dlt(trial: Trial) -> list[Row]:
    calls = min(trial.calls, _DLT_CALLS)
    ids = contest.ids_file(trial.folder, list(make_book(trial.calls).call_ids())[:calls])
    target = trial.folder / "dlt"
    target.mkdir()
    trial.account.rest()
    before = trial.account.count()
    args = contest.command("-m", "benchmarks.dlt_pipeline", "tuned", trial.account.base_url, ids, target)
    ran = contest.run(args, _DLT)
    asked = trial.account.count() - before
    ours = trial.run("beside-dlt", "backfill", ids)
    best_s = calls / (trial.limit.count / trial.limit.seconds)
    return [
        Row(
            f"`backfill` of {calls:,} calls: everything whole",
            "dlt, tuned, with up to 20 attempts",
            ran.seconds / ours.ran.seconds,
            1,
            True,
            f"{ours.ran.seconds:.1f} s; {ours}",
            f"{ran.seconds:.1f} s; {asked}; {ran.cpu_s:.1f} CPU s; {best_s:.0f} s at the limit",
        )
    ]


ROWS: dict[str, Callable[[Trial], list[Row]]] = {
    "sync": measure_sync,
    "numbers_only": measure_numbers_only,
    "reconcile": measure_reconcile,
    "backfill": measure_backfill,
    "dlt": measure_dlt,
}


def main() -> None:
    options = parsed()
    found = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
    }
    with (
        contest.scratch() as folder,
        serving(options.calls, options.limit, options.list_limit) as account,
    ):
        trial = Trial(account, options.calls, options.limit, options.list_limit, folder)
        print(heading(found).replace("| ratio |", "| value |"), flush=True)
        for name in options.rows:
            for row in ROWS[name](trial):
                print(line(row), flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.numbers_first", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("calls", nargs="?", type=int, default=1000, metavar="CALLS")
    parser.add_argument(
        "--limit", type=Window.read, default="100:10", metavar="N:SECONDS", help="calls (default 100:10)"
    )
    parser.add_argument(
        "--list-limit", type=Window.read, default="15:10", metavar="N:SECONDS", help="pages (default 15:10)"
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="which to measure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
