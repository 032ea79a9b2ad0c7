"""Whatever is killed or full while events come, each that was answered for is a row, once."""

from __future__ import annotations

import os
import random
import resource
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.simulator import EventSender
from support.command_line import KEY, Start, poll
from support.warehouse_files import query, warehouse_in
from support.webhooks import Receiving, start_receiver


def make_calls(count: int) -> Iterable[list[dict[str, Any]]]:
    for number in range(count):
        call = {
            "call_id": f"call_{number}",
            "call_status": "ended",
            "start_timestamp": 1_790_000_000_000 + number,
            "end_timestamp": 1_790_000_060_000 + number,
            "transcript_object": [{"role": "agent", "content": "hello " * 20, "words": []}],
        }
        yield [{"event": "call_ended", "call": call}]


def find_loader(receiver: Receiving) -> list[int]:
    """Return the process that loads; none while it is started again."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == receiver.process.pid and b"spawn_main" in command:
            found.append(int(stat.parent.name))
    return found


def fill_disk(receiver: Receiving, seconds: float) -> None:
    """Let the receiver write no byte more for a while."""
    _, hard = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (1, hard))
    time.sleep(seconds)
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize(("events", "rate"), [(2500, 300), pytest.param(10_000, 500, marks=pytest.mark.slow)])
def test_what_was_answered_for_is_a_row_once(start: Start, tmp_path: Path, events: int, rate: int) -> None:
    data = tmp_path / "data"
    rng = random.Random(events)
    receiver = start_receiver(start, data)
    port = int(receiver.base_url.rpartition(":")[2])
    sender = EventSender(receiver.url, KEY, rate=rate, retries=2, pause_s=0.1)
    sending = threading.Thread(target=lambda: sender.run(make_calls(events)), daemon=True)
    sending.start()
    wounds = 0
    for wound in ("kill", "disk", "loader", "kill"):
        poll(lambda: len(sender.sent) > rate or not sending.is_alive())
        time.sleep(rng.uniform(0.2, 0.15 * events / rate))
        if not sending.is_alive():
            break  # a machine that is much faster at one than at the other
        wounds += 1
        if wound == "kill":
            receiver.kill()
            receiver = start_receiver(start, data, port)
        elif wound == "disk":
            fill_disk(receiver, 0.5)
        else:
            for loader in find_loader(receiver):
                os.kill(loader, signal.SIGKILL)
    sending.join()
    assert wounds >= 2
    receiver.http.close()
    receiver.process.popen.terminate()
    ended = receiver.process.wait()
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    answered = {each.subject_id for each in sender.sent if each.is_acknowledged}
    assert len(answered) > events / 2
    assert {each.status for each in sender.sent} <= {204, 503, None}
    for table in ("calls", "call_events"):
        found = [call_id for (call_id,) in query(warehouse_in(data), f"select call_id from {table}")]
        assert len(found) == len(set(found))
        assert answered <= set(found)
    assert not [path for path in (data / "received").iterdir() if path.is_file()]
