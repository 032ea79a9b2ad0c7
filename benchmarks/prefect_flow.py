"""The same backfill tracked by a running Prefect server, beside the plain command line.

What a run costs before its first call (Prefect is imported, a flow run is made) is measured with one call and
subtracted from both.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import contest
from benchmarks.bodies import call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.server import serving

_STARTS_WITHIN_S = 240


def measure(scale: Scale) -> Measured:
    with contest.scratch() as folder, serving() as base_url, _prefect(folder) as tracked:
        numbers = iter(range(1000))
        untracked = {"PREFECT_API_URL": "", "PREFECT_HOME": str(folder / "home")}

        def backfill(calls: int, option: str, env: dict[str, str]) -> Ran:
            ids = contest.ids_file(folder, call_ids(calls))
            return contest.backfill(ids, folder / f"data-{next(numbers)}", base_url, option, **env)

        runs = contest.alternately(
            {
                "flow": lambda: backfill(scale.calls, "--prefect", tracked),
                "plain": lambda: backfill(scale.calls, "--no-prefect", untracked),
                "flow start": lambda: backfill(1, "--prefect", tracked),
                "plain start": lambda: backfill(1, "--no-prefect", untracked),
            },
            scale.repetitions,
        )
    started, plainly_started = contest.seconds(runs["flow start"]), contest.seconds(runs["plain start"])
    ratio = statistics.median(
        (flow.seconds - started) / (plain.seconds - plainly_started)
        for flow, plain in zip(runs["flow"], runs["plain"], strict=True)
    )
    row = Row(
        f"the flow with a Prefect server, {scale.calls:,} calls",
        "the command line, both after start-up",
        ratio,
        1.15,
        False,
        f"{contest.seconds(runs['flow']):.1f} s, of which {started:.1f} s start-up; "
        f"{contest.cpu(runs['flow']):.1f} CPU s",
        f"{contest.seconds(runs['plain']):.1f} s, of which {plainly_started:.1f} s start-up; "
        f"{contest.cpu(runs['plain']):.1f} CPU s",
    )
    return Measured([row])


@contextmanager
def _prefect(folder: Path) -> Iterator[dict[str, str]]:
    """Run a Prefect server in a folder of its own; yields the environment that leads to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    args = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        contest.command(*args),
        env=os.environ | env,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{env['PREFECT_API_URL']}/health", server)
        yield env
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the Prefect server did not start")
