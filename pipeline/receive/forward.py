"""Passes events on to other receivers, since an account has one address for its events.

Invariant: an event that was answered for reaches every target that takes it, however long that is away: it
lies in a folder of the target, as a link to its segment, until the target has taken it. A target that is slow
or away holds up nobody else. The events of one call go out one after another, in their order.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson

from pipeline import log
from pipeline.errors import ConfigurationError
from pipeline.files.atomic import sync_folder, write_atomically
from pipeline.payload.event import read_event
from pipeline.payload.strict_json import Malformed
from pipeline.receive.numbers import Numbers
from pipeline.receive.segment import COMPLETE, OPEN, Received, read_from
from pipeline.retell.signature import HEADER, WINDOW_MS, sign

_CURSOR = "cursor.json"
# Events that are read together, the most bytes of them, and how many are sent at a time.
_TOGETHER = 256
_TOGETHER_BYTES = 33 * 1024 * 1024
_AT_ONCE = 16
_TIMEOUT_S = 10.0
_LONGEST_PAUSE_S = 60.0
_REFUSED_TIMES = 3
# What may be better later, although it is an answer of the target.
_LATER = (408, 425, 429)
# A target verifies within five minutes, by its own clock.
_FRESH_MS = WINDOW_MS - 60_000
_MOST_ORIGINAL_BYTES = 64 * 1024 * 1024


def check_targets(targets: Iterable[str]) -> list[str]:
    """Return URLs, each once; raise ConfigurationError for one that events may not be sent to."""
    targets = list(dict.fromkeys(targets))
    for target in targets:
        parts = urlsplit(target)
        is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise ConfigurationError(
                "PIPELINE_RECEIVE_FORWARD cannot be used: a target is an https:// URL, or http:// on this "
                "machine"
            )
    return targets


class Originals:
    """Bodies as they came, of events that lie on disk without a token: for as long as there is room."""

    def __init__(self) -> None:
        self._bodies: dict[int, bytes] = {}
        self._size = 0

    def keep(self, event: Received, body: bytes) -> None:
        """Keep a body that is not what is on disk; the oldest give way."""
        if body == event.body:
            return
        self._bodies[event.at_us] = body
        self._size += len(body)
        while self._size > _MOST_ORIGINAL_BYTES:
            self._size -= len(self._bodies.pop(next(iter(self._bodies))))

    def find(self, event: Received) -> bytes | None:
        """Return the body as it came; None where that is what is on disk, or is not known any more."""
        return self._bodies.get(event.at_us)


class Forwarder:
    """Passes the events of a folder on to one target, until `run` is cancelled."""

    def __init__(
        self, target: str, folder: Path, keys: Sequence[str], numbers: Numbers, originals: Originals
    ) -> None:
        self.target = target
        # Without what a URL may carry of secrets.
        self.name = urlsplit(target).hostname or "target"
        self.folder = folder / hashlib.sha256(target.encode()).hexdigest()[:12]
        self._keys = keys
        self._numbers = numbers
        self._originals = originals
        # The segment that is written to, and how much of it is durable.
        self._current: tuple[str, int] = ("", 0)
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.folder.mkdir(parents=True, exist_ok=True)

    def open_segment(self, path: Path) -> None:
        """Link a new segment, before anything is in it; called from any thread. Raises OSError."""
        with suppress(FileExistsError):
            os.link(path, self.folder / path.name)
            sync_folder(self.folder)
        self._current = path.name, 0

    def note_written(self, path: Path, size: int) -> None:
        """Note how much of a segment is durable; called from any thread."""
        self._current = path.name, size
        self._loop.call_soon_threadsafe(self._news.set)

    async def run(self) -> None:
        """Pass on what lies in the folder, and what comes."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as http:
            while True:
                self._news.clear()
                if not await self._pass_on_some(http):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LONGEST_PAUSE_S):
                            await self._news.wait()

    async def _pass_on_some(self, http: httpx.AsyncClient) -> bool:
        """Pass on the next events of the oldest segment; return whether there was anything to do."""
        segments = sorted(path for path in self.folder.glob("*") if path.suffix in (OPEN, COMPLETE))
        if not segments:
            return False
        path = segments[0]
        current, written = self._current
        end = written if path.name == current else path.stat().st_size
        place = self._read_cursor(path.name)
        found = await asyncio.to_thread(_take, path, place, end)
        waiting = end - place + sum(other.stat().st_size for other in segments[1:])
        self._numbers.wait_to_forward(self.name, waiting)
        if not found:
            if path.name == current:
                return False
            path.unlink(missing_ok=True)
            return True
        await self._send_all(http, [event for _, event in found])
        self._write_cursor(path.name, found[-1][0])
        return True

    async def _send_all(self, http: httpx.AsyncClient, events: list[Received]) -> None:
        by_subject: dict[str, list[Received]] = {}
        for number, event in enumerate(events):
            by_subject.setdefault(_name_subject(event) or f"event {number}", []).append(event)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def send_in_order(of_one: list[Received]) -> None:
            for event in of_one:
                async with at_once:
                    await self._send(http, event)

        async with asyncio.TaskGroup() as group:
            for of_one in by_subject.values():
                group.create_task(send_in_order(of_one))

    async def _send(self, http: httpx.AsyncClient, event: Received) -> None:
        """Send an event until the target takes it, or refuses it for good."""
        refusals = 0
        pause_s = 1.0
        while True:
            status = await self._post(http, event)
            if status is not None and 200 <= status < 300:
                self._numbers.forward(self.name)
                return
            if status is not None and 400 <= status < 500 and status not in _LATER:
                refusals += 1
                if refusals >= _REFUSED_TIMES:
                    self._numbers.forward(self.name, is_refused=True)
                    log.event("forward_refused", log.WARNING, target=self.name, http_status=status)
                    return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _post(self, http: httpx.AsyncClient, event: Received) -> int | None:
        now_ms = time.time_ns() // 1_000_000
        # As it came: the same key makes the same signature of it. Where that would be too old to be taken, or
        # a token was left out since, it is one that is right.
        signed_ms = event.signed_ms if now_ms - event.signed_ms < _FRESH_MS else now_ms
        body = self._originals.find(event) or event.body
        key = self._keys[event.key_number] if event.key_number < len(self._keys) else self._keys[0]
        try:
            answer = await http.post(
                self.target,
                content=body,
                headers={"content-type": "application/json", HEADER: sign(body, key, signed_ms)},
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return None
        return answer.status_code

    def _read_cursor(self, name: str) -> int:
        try:
            said = orjson.loads((self.folder / _CURSOR).read_bytes())
            return int(said["place"]) if said["segment"] == name else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _write_cursor(self, name: str, place: int) -> None:
        # Where it cannot be written, some events are sent again after a restart: none is lost.
        with suppress(OSError):
            write_atomically(self.folder / _CURSOR, orjson.dumps({"segment": name, "place": place}))


def _take(path: Path, place: int, end: int) -> list[tuple[int, Received]]:
    return list(islice(read_from(path, place, min(end, place + _TOGETHER_BYTES)), _TOGETHER))


def _name_subject(event: Received) -> str | None:
    try:
        return read_event(event.body).subject_id
    except Malformed:
        return None
