"""Runs under the limits of an account, each beside what the limits allow at best.

    python -m benchmarks.account_limits               about four minutes
    python -m benchmarks.account_limits long          five minutes of 429, then well again: six minutes
    python -m benchmarks.account_limits serve NAME    the server of a row, until its stdin ends

The command line fetches 400 calls from the simulator, in a process of its own, which lets 100 through in
10 seconds: 30 seconds at best, as 100 come at once and 300 in the three windows after that. What is compared
are the seconds from the first request to the last answer, as the server saw them. The whole process, with
Python's start and the load of the last calls, stands beside it: what these cost does not depend on limits.
Twenty minutes of 429 and all kinds of servers are measured on virtual time, by
`python -m pytest tests/unit/retell/test_account_limit.py`.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import contest
from benchmarks.__main__ import line
from benchmarks.contest import Measured, Ran, Row, Scale
from pipeline.simulator import CallBook, Limits, Window, running

_KEY = "key_benchmark"
_CALLS = 400
_ACCOUNT = Limits(general=Window(100, 10), listing=Window(15, 10))
_FEWER = replace(_ACCOUNT, general=Window(50, 10))
_MORE = replace(_ACCOUNT, general=Window(300, 10))
_SILENT = replace(_ACCOUNT, headers="none")
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Case:
    """A server, how it is asked, and what is possible at best (seconds)."""

    what: str
    limits: Limits
    best_s: float = 30.0
    aim: float = 1.3
    calls: int = _CALLS
    processes: int = 1
    options: tuple[str, ...] = field(default=())


_CASES = {
    "reset": Case("`RateLimit-Reset` alone", _ACCOUNT, aim=1.15),
    "retry_after": Case("with `Retry-After`", replace(_ACCOUNT, retry_after="seconds"), aim=1.15),
    "processes": Case("two processes with one key, 200 calls each", _ACCOUNT, processes=2),
    "changing": Case(
        "the limit lowered to 50 after 5 s, raised to 300 after 20",
        replace(_ACCOUNT, later=((5, _FEWER), (20, _MORE))),
        best_s=20,
    ),
    "silent": Case("headers gone after 5 s", replace(_ACCOUNT, later=((5, _SILENT),))),
    "clock": Case(
        "the server's clock an hour ahead, `Retry-After` as a date",
        replace(_ACCOUNT, retry_after="date", clock_ahead_s=3600),
    ),
    "refused": Case("headers on refusals only", replace(_ACCOUNT, headers="refused")),
}
_LONG = {
    "long": Case(
        "five minutes of 429 without headers, then well: 300 calls at 8 a second",
        Limits(refuses_all_s=300),
        best_s=300 + 300 / 8,
        # Full speed within a minute of the first answer.
        aim=1.17,
        calls=300,
        options=("--rate", "8"),
    )
}


def measure(scale: Scale, cases: dict[str, Case] = _CASES) -> Measured:
    """Run every case once: seconds of a limit do not depend on the machine."""
    with contest.scratch() as folder:
        return Measured([_measure_case(name, case, folder) for name, case in cases.items()])


def _measure_case(name: str, case: Case, folder: Path) -> Row:
    ids = list(_make_book(case).call_ids())
    runs: list[Ran] = []
    seen: dict[str, Any] = {}
    with _serving(name, seen) as base_url, ThreadPoolExecutor(case.processes) as pool:

        def backfill(part: int) -> Ran:
            file = contest.ids_file(folder, ids[part :: case.processes])
            options = ("--api-version", "v2", *case.options)
            return contest.backfill(file, folder / f"{name}-{part}", base_url, *options)

        started = time.monotonic()
        runs = list(pool.map(backfill, range(case.processes)))
        took_s = time.monotonic() - started
    fetched = sum(ran.facts["fetched_count"] for ran in runs)
    return Row(
        f"{case.calls:,} calls, {case.what}",
        "what the limits allow",
        seen["seconds"] / case.best_s,
        case.aim,
        False,
        f"{seen['seconds']:.1f} s, the whole {took_s:.1f} s; {seen['refused']} of 429, "
        f"{case.calls - fetched} failed",
        f"{case.best_s:.1f} s",
    )


def _make_book(case: Case) -> CallBook:
    return CallBook(count=case.calls, shape="today")


@contextmanager
def _serving(name: str, seen: dict[str, Any]) -> Iterator[str]:
    """Serve a case until the block ends; `seen` then has what the server has seen."""
    server = subprocess.Popen(
        contest.command("-m", "benchmarks.account_limits", "serve", name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
        server.stdin.close()
        seen.update(json.loads(server.stdout.read()))
    finally:
        server.terminate()
        server.wait()


def serve(case: Case) -> None:
    """Serve a case until stdin ends; print where, and at the end what was seen."""
    with running(_make_book(case), api_key=_KEY, limits=case.limits) as server:
        print(server.base_url, flush=True)
        answered, first_s, last_s = 0, 0.0, 0.0
        while not select.select([sys.stdin], [], [], _LOOK_EVERY_S)[0]:
            now, before = time.monotonic(), answered
            first_s = first_s if server.requests.total else now
            answered = server.requests.by_status[200]
            last_s = now if answered > before else last_s
        statuses = server.requests.by_status
        print(json.dumps({"seconds": last_s - first_s, "refused": statuses[429]}))


def main(args: list[str]) -> None:
    cases = _CASES | _LONG
    if args[:1] == ["serve"]:
        serve(cases[args[1]])
        return
    chosen = {name: cases[name] for name in args or _CASES}
    for name, case in chosen.items():
        for row in measure(Scale(), {name: case}).rows:
            print(line(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
