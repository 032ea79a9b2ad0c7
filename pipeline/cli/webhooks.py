"""Shows events arriving without an account: the simulator sends them, and a receiver takes them.

`simulate --webhook URL` sends to any receiver; `demo --webhook` starts one, and watches calls arrive.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from pipeline.cli import console, render
from pipeline.config import Settings, load_settings
from pipeline.errors import PipelineError, UsageError
from pipeline.runs.maintenance import open_warehouse
from pipeline.simulator import CallBook, EventSender, make_events
from pipeline.warehouse import queries
from pipeline.warehouse.database import Warehouse

_KEY = "key_simulated"
_DEMO_CALLS_PER_S = 5
_EVENTS_OF_A_CALL = 3
_LOOK_EVERY_S = 2.0


@dataclass(frozen=True)
class Webhook:
    """Where simulated events are sent, and how."""

    url: str
    rate: float | None = None
    repeated: float = 0.0
    late: float = 0.0

    def check(self) -> None:
        """Raise UsageError for a URL that cannot be used."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"--webhook {self.url} is no URL: write one such as http://127.0.0.1:8088/retell"
            )

    def start(self, book: CallBook) -> threading.Thread:
        """Send the events of all calls of a book from a thread, and say at the end how many were taken."""
        thread = threading.Thread(target=self._send, args=(book,), name="webhooks", daemon=True)
        thread.start()
        return thread

    def _send(self, book: CallBook) -> None:
        sender = EventSender(self.url, _KEY, self.rate, repeated=self.repeated, late=self.late)
        sent = sender.run(make_events(book.payload(index)) for index in range(len(book)))
        taken = sum(each.is_acknowledged for each in sent)
        missed = f"; {len(sent) - taken:,} were not taken, each tried 4 times" if taken < len(sent) else ""
        console.say(f"{taken:,} of {len(sent):,} events were taken at {self.url}{missed}")


def run_webhook_demo(settings: Settings, *, calls: int, seed: int, as_json: bool) -> None:
    """Send the events of simulated calls to a receiver of the demo, and show how they arrive."""
    demo = load_settings(
        api_key=_KEY,
        data_dir=settings.data_dir / "demo",
        # Named, so that a warehouse from the environment is not the one that is filled.
        warehouse=str(settings.data_dir / "demo" / "warehouse.duckdb"),
    )
    book = CallBook(seed=seed, count=calls, shape="today")
    with _receiving(demo) as url:
        console.say(f"a receiver listens at {url}")
        webhook = Webhook(url, rate=_DEMO_CALLS_PER_S * _EVENTS_OF_A_CALL, repeated=0.05, late=0.05)
        sending = webhook.start(book)
        while sending.is_alive():
            sending.join(_LOOK_EVERY_S)
            _show_arrived(demo.readers_copy)
    with open_warehouse(demo, console.say) as connection:
        found = queries.read_overview(connection)
        events = queries.read_rows(connection, "events")
    if as_json:
        console.print_json({"events": events} | found)
    else:
        render.print_answers(found)
    raise typer.Exit(0)


@contextmanager
def _receiving(demo: Settings) -> Iterator[str]:
    """Run a receiver that loads every two seconds; yield its URL."""
    environment = os.environ | {
        "RETELL_API_KEY": _KEY,
        "RETELL_WEBHOOK_KEY": _KEY,
        "PIPELINE_RECEIVE_LOAD": "2s",
        "PIPELINE_RECEIVE_ALLOW": "",
        "PIPELINE_RECEIVE_FORWARD": "",
        "PIPELINE_PUBLISH": "run",
    }
    command = ["receive", "--port", "0", "--data-dir", demo.data_dir, "--warehouse", demo.warehouse_location]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *map(str, command)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        # The Ctrl-C of a terminal is for the demo, which ends it.
        process_group=0,
    )
    try:
        yield _read_url(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _read_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("receiving events at "):
        raise PipelineError("the receiver of the demo did not start: see above")
    return line.removeprefix("receiving events at ").strip()


def _show_arrived(copy: Path) -> None:
    if not copy.exists():
        return
    # A copy may take the place of this one at any moment.
    with suppress(PipelineError), Warehouse.at(copy).reading() as connection:
        [freshness] = queries.read_rows(connection, "arrived")
        console.say(
            f"{time.strftime('%H:%M:%S')} {freshness['events']:,} events, {freshness['calls']:,} calls, "
            f"{freshness['final_calls']:,} of them final"
        )
