"""Compares this tree with another one of the same project, command by command and in turns.

    python -m benchmarks.versions TREE [CALLS [REPETITIONS]]

TREE is a clone at another commit; both run in this environment. Prints for each command the least that the
other tree and this one took (seconds by the clock, CPU seconds, MB of memory), and the ratios of this one to
the other. `sync` asks the simulator, which makes each call as it is asked for: its seconds are those of the
simulator, its CPU seconds are not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks import limited_account
from benchmarks.bodies import call_ids
from benchmarks.server import serving

HERE = Path(__file__).parents[1]


class Took(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_s: float
    peak_mb: float


def run(tree: Path, *arguments: str) -> Took:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=tree,
        env=kept | {"RETELL_API_KEY": "key_benchmark"},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return Took(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(tree: Path, folder: Path, base_url: str, account_url: str, calls: int) -> dict[str, Took]:
    """Run each command once, into a folder of its own."""
    many, one = folder / "many.txt", folder / "one.txt"
    many.write_text("\n".join(call_ids(calls)), encoding="ascii")
    one.write_text("\n".join(call_ids(1)), encoding="ascii")
    at = ("--data-dir", str(folder / "data"))
    found = {f"backfill of {calls:,} calls": run(tree, "backfill", str(many), "--base-url", base_url, *at)}
    (folder / "data" / "warehouse.duckdb").unlink()
    found["load of what it landed"] = run(tree, "load", *at)
    found["the same backfill again"] = run(tree, "backfill", str(many), "--base-url", base_url, *at)
    shutil.rmtree(folder / "data")
    found["backfill of 1 call"] = run(tree, "backfill", str(one), "--base-url", base_url, *at)
    shutil.rmtree(folder / "data")
    found[f"sync of {calls:,} calls"] = run(tree, "sync", "--base-url", account_url, *at)
    found["--help"] = run(tree, "--help")
    return found


def main() -> None:
    other = Path(sys.argv[1]).resolve()
    calls, repetitions = (int(given) for given in [*sys.argv[2:], "1500", "3"][:2])
    runs: dict[Path, list[dict[str, Took]]] = {other: [], HERE: []}
    with serving() as base_url, limited_account.serving(calls) as account:
        for _ in range(repetitions):
            for tree, found in runs.items():
                with tempfile.TemporaryDirectory() as folder:
                    found.append(measure(tree, Path(folder), base_url, account.base_url, calls))
    print("| command | other | this | clock | CPU | memory |\n|---|--:|--:|--:|--:|--:|")
    for name in runs[HERE][0]:
        theirs, ours = (
            Took(*map(min, zip(*(found[name] for found in runs[tree]), strict=True))) for tree in runs
        )
        ratios = " | ".join(f"{mine / its:.2f}" for mine, its in zip(ours, theirs, strict=True))
        shown = " | ".join(
            f"{took.seconds:.2f} s, {took.cpu_s:.2f} CPU s, {took.peak_mb:.0f} MB" for took in (theirs, ours)
        )
        print(f"| {name} | {shown} | {ratios} |")


if __name__ == "__main__":
    main()
