"""What the daily views take beside a bare scan of what they read, as `benchmarks/views.py` prints it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from benchmarks import contest
from benchmarks.contest import Measured, Row, Scale

_LINE = re.compile(r"^(?P<view>daily_\w+)\s+(?P<view_s>[\d.]+)\s+(?P<scan_s>[\d.]+)\s+(?P<ratio>[\d.]+)×")


def measure(scale: Scale) -> Measured:
    printed = subprocess.run(
        contest.command(Path(__file__).with_name("views.py"), str(scale.large)),
        cwd=contest.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [
        Row(
            f"`{found['view']}` on {scale.large:,} calls",
            "bare scan of what it reads",
            float(found["ratio"]),
            5.0,
            False,
            f"{found['view_s']} CPU s",
            f"{found['scan_s']} CPU s",
        )
        for found in map(_LINE.match, printed.splitlines())
        if found
    ]
    assert rows, printed
    return Measured(rows)
