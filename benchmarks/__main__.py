"""Measures what is claimed about speed and memory, each beside what it is compared with, in one run.

    python -m benchmarks                      all of it, about half an hour
    python -m benchmarks floor startup        some of it
    python -m benchmarks --quick              smaller, to see that it runs

Prints a table of ratios with the aim for each, and writes it as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contest import Measured, Row, Scale

NAMES = (
    "over_http",
    "floor",
    "extract",
    "memory",
    "growth",
    "prefect_flow",
    "startup",
    "file_size",
    "daily_views",
)
QUICK = Scale(calls=200, large=4000, repetitions=1)


def main() -> int:
    options = parsed()
    scale = QUICK if options.quick else Scale(large=options.large, repetitions=options.repetitions)
    if options.calls:
        scale = Scale(options.calls, scale.large, scale.repetitions)
    found: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.described(),
        "scale": asdict(scale),
        "rows": [],
        "figures": {},
        "failed": {},
    }
    print(heading(found), flush=True)
    for name in options.names or NAMES:
        started = time.monotonic()
        print(f"… {name}", end="", file=sys.stderr, flush=True)
        measure: Callable[[Scale], Measured] = import_module(f"benchmarks.{name}").measure
        try:
            measured = measure(scale)
        except Exception as failure:
            # The others still have something to say.
            found["failed"][name] = str(failure)
            print(f" failed: {failure}", file=sys.stderr, flush=True)
            continue
        print(f" {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        for row in measured.rows:
            print(line(row), flush=True)
        found["rows"] += [asdict(row) | {"measurement": name, "is_met": row.is_met} for row in measured.rows]
        found["figures"] |= measured.figures
        if options.json:
            options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if found["failed"] else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to measure: {', '.join(NAMES)}")
    parser.add_argument("--calls", type=int, help="calls in a contest (default 2,000)")
    parser.add_argument("--large", type=int, default=Scale.large, help="calls in the large warehouse")
    parser.add_argument("--repetitions", type=int, default=Scale.repetitions, help="runs of each contestant")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table here")
    parser.add_argument("--quick", action="store_true", help="200 calls, once: only to see that it runs")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no measurement {', '.join(unknown)}: choose from {', '.join(NAMES)}")
    return options


def heading(found: dict[str, Any]) -> str:
    told = found["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in told["packages"].items())
    return (
        f"{found['measured_at']}: {told['cpu']}, {told['cpu_count']} cores, {told['memory_gb']} GB, "
        f"load {told['load_before']}; Python {told['python']}, {packages}\n\n"
        "| what | against | ratio | aim | | ours | theirs |\n|---|---|--:|--:|---|---|---|"
    )


def line(row: Row) -> str:
    aim = f"{'≥' if row.is_least else '≤'} {row.aim:g}{row.unit}"
    digits = 0 if row.value >= 100 else 2
    verdict = "met" if row.is_met else "**not met**"
    cells = (row.what, row.against, f"{row.value:,.{digits}f}{row.unit}", aim, verdict, row.ours, row.theirs)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
