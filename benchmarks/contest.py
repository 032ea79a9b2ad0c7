"""Runs contestants in processes of their own, in turns, and compares their medians.

Invariant: what is compared ran in the same minutes on the same machine; CPU seconds stand beside wall seconds
because other work on the machine distorts the latter.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Scale:
    """How large the measurements are: calls for a normal contest, calls in a large warehouse, repetitions."""

    calls: int = 2000
    large: int = 100_000
    repetitions: int = 3


@dataclass(frozen=True)
class Ran:
    """One run of a contestant; `facts` is what it printed as JSON on its last line, if it did."""

    seconds: float
    cpu_s: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A line of the table; `aim` is the least or the most that `value` may be, as `is_least` says."""

    what: str
    against: str
    value: float
    aim: float
    is_least: bool
    ours: str
    theirs: str
    unit: str = "×"

    @property
    def is_met(self) -> bool:
        return self.value >= self.aim if self.is_least else self.value <= self.aim


@dataclass(frozen=True)
class Measured:
    """What a measurement found: lines for the table, and figures by name for whoever calculates with them."""

    rows: list[Row]
    figures: dict[str, float] = field(default_factory=dict)


def command(*args: str | Path) -> list[str]:
    return [sys.executable, *map(str, args)]


def run(
    args: Sequence[str | Path], env: Mapping[str, str] | None = None, *, code: int = 0, cwd: Path = ROOT
) -> Ran:
    """Run a program to its end; its time is that of the whole process unless it says `seconds` itself."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(arg) for arg in args],
            cwd=cwd,
            env=os.environ | {"PREFECT_API_URL": ""} | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        if process.returncode != code:
            raise RuntimeError(f"{args} left with {process.returncode}: {err.read()[-2000:]}")
        facts = _facts(out.read())
    cpu_s = usage.ru_utime + usage.ru_stime
    seconds = float(facts.get("seconds", took_s))
    return Ran(seconds, float(facts.get("cpu_s", cpu_s)), facts)


def _facts(out: str) -> dict[str, Any]:
    lines = out.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else json.loads(out or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def alternately(contestants: Mapping[str, Callable[[], Ran]], repetitions: int) -> dict[str, list[Ran]]:
    """Run every contestant once, then every one again, and so on."""
    runs: dict[str, list[Ran]] = {name: [] for name in contestants}
    for _ in range(repetitions):
        for name, contestant in contestants.items():
            runs[name].append(contestant())
    return runs


def seconds(runs: list[Ran]) -> float:
    return statistics.median(ran.seconds for ran in runs)


def cpu(runs: list[Ran]) -> float:
    return statistics.median(ran.cpu_s for ran in runs)


def rate(runs: list[Ran], calls: int) -> float:
    return calls / seconds(runs)


def told(runs: list[Ran], calls: int) -> str:
    """Return how fast the runs were and what they cost, in words."""
    return f"{rate(runs, calls):,.0f} calls/s, {cpu(runs) / calls * 1000:.2f} CPU ms a call"


def pairwise(first: list[Ran], second: list[Ran]) -> float:
    """Return the median of the ratios of neighbours in time: what slows the machine slows both."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(first, second, strict=True))


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)


def ids_file(folder: Path, ids: list[str]) -> Path:
    path = folder / f"ids-{ids[0]}-{len(ids)}.txt"
    path.write_text("".join(f"{call_id}\n" for call_id in ids), encoding="ascii")
    return path


def api(base_url: str) -> dict[str, str]:
    return {"RETELL_API_KEY": "key_benchmark", "RETELL_BASE_URL": base_url}


def backfill(ids: Path, data_dir: Path, base_url: str, *options: str, **env: str) -> Ran:
    """Run the command line as a user would, from ids to committed tables."""
    args = command("-m", "pipeline", "backfill", ids, "--data-dir", data_dir, "--json", *options)
    return run(args, api(base_url) | env)
