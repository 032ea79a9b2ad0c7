"""Events that were answered for are rows, each once, whatever is killed, full, held or damaged meanwhile."""

from __future__ import annotations

import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.simulator import CallBook, EventSender, make_events, running
from support.command_line import KEY, Holder, Start, poll
from support.warehouse_files import query, tables_of, warehouse_in
from support.webhooks import Receiving, as_event, signed, start_receiver

NAMES = ("call_started", "call_ended", "call_analyzed", "transfer_started")


class Senders:
    """Several connections that send events as fast as they are answered, and note which were taken."""

    def __init__(self, url: str, connections: int = 4) -> None:
        self.url = url
        self.taken: set[tuple[str, str]] = set()
        self.statuses: set[int] = set()
        self.is_over = False
        self._threads = [
            threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.is_over = True
        for thread in self._threads:
            thread.join()

    def _send(self, of: int) -> None:
        number = 0
        with httpx.Client(timeout=20, trust_env=False) as http:
            while not self.is_over:
                call_id = f"call_{of}_{number // len(NAMES)}"
                name = NAMES[number % len(NAMES)]
                body = event_of(call_id, name)
                number += 1
                try:
                    status = http.post(self.url, content=body, headers=signed(body)).status_code
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                self.statuses.add(status)
                if status == 204:
                    self.taken.add((call_id, name))


def event_of(call_id: str, name: str) -> bytes:
    call: dict[str, Any] = {"call_id": call_id, "start_timestamp": 1_790_000_000_000}
    call["call_status"] = "ended" if name in ("call_ended", "call_analyzed") else "ongoing"
    if name == "call_analyzed":
        call["call_analysis"] = {"call_summary": "short"}
    more = {"transfer_destination": {"number": "+4930"}} if name == "transfer_started" else {}
    return as_event(name, call, **more)


def children_of(receiver: Receiving, mark: bytes = b"") -> list[int]:
    with suppress(OSError):
        path = Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children")
        pids = path.read_text().split()
        return [int(pid) for pid in pids if mark in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return []


def assert_all_rows(data: Path, taken: set[tuple[str, str]]) -> None:
    """Fail unless all that was taken is a row once, and each call is as its furthest event has it."""
    found = query(warehouse_in(data), "select call_id, event from call_events")
    assert len(found) == len(set(found))
    assert taken <= set(found)
    calls = query(warehouse_in(data), "select call_id from calls")
    assert len(calls) == len(set(calls))
    assert {call_id for call_id, _ in taken} <= {call_id for (call_id,) in calls}
    analysed = {call_id for (call_id,) in query(warehouse_in(data), "select call_id from call_analysis")}
    assert {call_id for call_id, name in taken if name == "call_analyzed"} <= analysed


@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_for_is_a_row_after_any_wounds(
    start: Start, hold: Callable[..., Holder], tmp_path: Path, seed: int
) -> None:
    """The last wound is a kill, and a command that only loads is all that follows."""
    data, rng = tmp_path / "data", random.Random(seed)
    receiver = start_receiver(start, data)
    port = int(receiver.base_url.rpartition(":")[2])
    senders = Senders(receiver.url)

    def kill() -> None:
        nonlocal receiver
        receiver.kill()
        receiver = start_receiver(start, data, port)

    def stop() -> None:
        nonlocal receiver
        receiver.http.close()
        receiver.process.popen.terminate()
        ended = receiver.process.wait()
        assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
        receiver = start_receiver(start, data, port)

    def kill_loader() -> None:
        for pid in children_of(receiver, b"spawn_main"):
            os.kill(pid, signal.SIGKILL)

    def fill_disk() -> None:
        pids = [receiver.process.pid, *children_of(receiver)]
        for pid in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        time.sleep(rng.uniform(0.1, 1))
        # Also of those that were started meanwhile.
        for pid in {*pids, *children_of(receiver)}:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def hold_warehouse() -> None:
        holder = hold(data / "warehouse.duckdb", "writing")
        time.sleep(rng.uniform(0.5, 2))
        holder.let_go()

    poll(lambda: (data / "warehouse.duckdb").exists())
    wounds = [kill, stop, kill_loader, fill_disk, hold_warehouse, kill]
    rng.shuffle(wounds)
    for wound in wounds:
        before = len(senders.taken)
        receiver.process.until(lambda enough=before + 50: len(senders.taken) >= enough)
        time.sleep(rng.uniform(0, 1.5))
        wound()
    at_least = len(senders.taken) + 50
    receiver.process.until(lambda: len(senders.taken) >= at_least)
    children = children_of(receiver)
    receiver.kill()
    senders.stop()
    assert senders.statuses <= {204, 503}
    # The process that loads ends by itself, and may be about to load.
    poll(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
    loaded = start("load", PIPELINE_DATA_DIR=data, PIPELINE_PUBLISH="off").wait()
    assert loaded.code == 0, loaded.err
    assert_all_rows(data, senders.taken)
    assert not [path for path in (data / "received").iterdir() if path.is_file()]


def damaged(content: bytes, how: str, rng: random.Random) -> bytes:
    changed = bytearray(content)
    if how == "flip":
        place = rng.randrange(8 * len(content))
        changed[place // 8] ^= 1 << place % 8
    elif how == "zeros":
        place = rng.randrange(len(content))
        changed[place : place + 512] = bytes(len(changed[place : place + 512]))
    else:
        place = rng.randrange(1, len(content) // 2)
        del changed[place : place + rng.randrange(1, 300)]
    return bytes(changed)


@pytest.mark.parametrize("how", ["flip", "zeros", "hole"])
@pytest.mark.parametrize("seed", range(2))
def test_damage_to_what_was_received_is_said_and_sync_brings_the_rest(
    start: Start, tmp_path: Path, how: str, seed: int
) -> None:
    data, rng = tmp_path / "data", random.Random(f"{how} {seed}")
    book = CallBook(seed=seed, count=20, shape="today")
    receiver = start_receiver(start, data, PIPELINE_RECEIVE_LOAD="1h")
    sender = EventSender(receiver.url, KEY)
    assert all(each.is_acknowledged for each in sender.run(_whole(book)))
    # Both at once: the process that loads would else land what is there.
    receiver.process.signal(signal.SIGSTOP)
    for pid in children_of(receiver):
        os.kill(pid, signal.SIGKILL)
    receiver.kill()
    [segment] = (data / "received").glob("*.open")
    segment.write_bytes(damaged(segment.read_bytes(), how, rng))
    with running(book) as server:
        env = {
            "RETELL_BASE_URL": server.base_url,
            "RETELL_API_KEY": server.api_key,
            "PIPELINE_DATA_DIR": str(data),
            "PIPELINE_PUBLISH": "off",
        }
        ended = start("sync", **env).wait()
        assert "cannot be read" in ended.err, ended.err
        assert list((data / "received").glob("*.damaged"))
        assert start("sync", **env).wait().code == 0
        other = env | {"PIPELINE_DATA_DIR": str(tmp_path / "asked")}
        assert start("backfill", *book.call_ids(), **other).wait().code == 0
    assert comparable(data) == comparable(tmp_path / "asked")


def _whole(book: CallBook) -> Iterator[list[dict[str, Any]]]:
    return (make_events(book.payload(index)) for index in range(len(book)))


def comparable(data: Path) -> Any:
    """Return the tables, but for how a payload was spelled, such as no transcript and an empty one."""
    warehouse = warehouse_in(data)
    volatile = "first_seen_at, extracted_at, load_id, sequence, deleted_sequence, event, payload_hash"
    said = "coalesce(transcript, '') as transcript"
    return tables_of(warehouse) | {
        "calls": query(warehouse, f"select * exclude ({volatile}) replace ({said}) from calls order by all")
    }


def test_all_commands_beside_it_come_to_the_tables_of_get_call(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    book = CallBook(seed=12, count=60, shape="today")
    with running(book) as server:
        env = {
            "RETELL_BASE_URL": server.base_url,
            "RETELL_API_KEY": server.api_key,
            "PIPELINE_DATA_DIR": str(data),
            "PIPELINE_PUBLISH": "off",
            "PIPELINE_LOCK_TIMEOUT": "60s",
        }
        receiver = start_receiver(start, data, **env)
        sender = EventSender(receiver.url, server.api_key, repeated=0.2, late=0.2, rate=15, pause_s=0.1)
        events = [make_events(book.payload(index), interims=2) for index in range(len(book))]
        sending = threading.Thread(target=lambda: sender.run(events), daemon=True)
        sending.start()
        some = list(book.call_ids())[::2]
        for args in (("backfill", *some), ("sync",), ("reconcile",), ("sync",), ("reconcile",)):
            ended = start(*args, **env).wait()
            assert ended.code in (0, 3), (args, ended.err)
        sending.join()
        assert all(each.is_acknowledged for each in sender.sent)
        receiver.http.close()
        receiver.process.popen.terminate()
        assert receiver.process.wait().code == 0
        assert start("sync", **env).wait().code == 0
        other = env | {"PIPELINE_DATA_DIR": str(tmp_path / "asked")}
        assert start("backfill", *book.call_ids(), **other).wait().code == 0
    found, asked = comparable(data), comparable(tmp_path / "asked")
    assert found == asked
    rows = query(warehouse_in(data), "select call_id, event, event_key from call_events")
    assert len(rows) == len(set(rows))
