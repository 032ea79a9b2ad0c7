"""Signs and sends events for tests, and runs a receiver as a process."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from pipeline.simulator.webhooks import HEADER, sign
from support.command_line import KEY, Process, Start

_URL = re.compile(r"receiving events at (\S+)")


def as_event(name: str, call: dict[str, Any] | None = None, **more: Any) -> bytes:
    """Return the body of an event."""
    return json.dumps({"event": name} | ({} if call is None else {"call": call}) | more).encode()


def signed(body: bytes, key: str = KEY, at_ms: int | None = None) -> dict[str, str]:
    """Return the headers of a body that is sent now."""
    return {HEADER: sign(body, key, time.time_ns() // 1_000_000 if at_ms is None else at_ms)}


class Receiving:
    """A receiver that runs, and a client of it."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url
        self.http = httpx.Client(timeout=20, trust_env=False)

    @property
    def base_url(self) -> str:
        """Where it listens, without the path of events."""
        return self.url.removesuffix("/retell")

    def send(self, body: bytes, key: str = KEY) -> int:
        """Send a body with its signature; return the status."""
        return self.http.post(self.url, content=body, headers=signed(body, key)).status_code

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        self.http.close()
        self.process.popen.kill()
        self.process.popen.wait()


def start_receiver(start: Start, folder: Path, port: int = 0, **env: str) -> Receiving:
    """Start a receiver of a data folder, and return it once it listens."""
    given = {"RETELL_API_KEY": KEY, "PIPELINE_DATA_DIR": str(folder), "PIPELINE_RECEIVE_LOAD": "1s"} | env
    process = start("receive", "--port", port, **given)
    found: list[str] = []

    def listens() -> bool:
        found[:] = _URL.findall(process.out)
        return bool(found)

    process.until(listens)
    return Receiving(process, found[0])


@contextmanager
def receiving(start: Start, folder: Path, **env: str) -> Iterator[Receiving]:
    """Run a receiver until the block ends; then it has loaded what it took."""
    receiver = start_receiver(start, folder, **env)
    try:
        yield receiver
    finally:
        receiver.http.close()
        receiver.process.popen.terminate()
    ended = receiver.process.wait()
    assert ended.code == 0, ended.err
