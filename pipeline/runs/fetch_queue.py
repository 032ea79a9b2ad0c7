"""Keeps the ids that a run is to fetch whole, from the listing that finds them to the extraction that asks.

Invariant: ids come out in the order in which they went in; they wait in files, so memory does not grow with
their number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from pipeline.runs.plan import Plan


class FetchQueue:
    """Ids in files of a folder; belongs to one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._waiting = 0
        self._file = self._next_file()
        self._news = asyncio.Event()
        self._is_closed = False

    def put(self, call_ids: Iterable[str]) -> None:
        """Add ids behind all others."""
        with self._file.open("a", encoding="ascii") as lines:
            for call_id in call_ids:
                lines.write(f"{call_id}\n")
                self._waiting += 1
        if self._waiting:
            self._news.set()

    def close(self) -> None:
        """Say that no more ids come."""
        self._is_closed = True
        self._news.set()

    async def take(self) -> Plan | None:
        """Return all ids that wait as a plan, as soon as there are some; None when no more come."""
        while not self._waiting:
            if self._is_closed:
                return None
            self._news.clear()
            await self._news.wait()
        taken, number = self._file, self._waiting
        self._file, self._waiting = self._next_file(), 0
        return Plan.of_list(taken, number)

    def _next_file(self) -> Path:
        return self._folder / f"to_fetch-{next(self._numbers):06d}.txt"
