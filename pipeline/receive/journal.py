"""Writes events to disk before they are answered: many at once, with one flush for all that wait.

Invariant: an event that `append` has returned for is on disk, and whatever ends the process, the next run
of any command lands it. What could not be written was not answered for, and its sender tries again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.atomic import explain_write_errors, sync_folder
from pipeline.receive.segment import COMPLETE, MARK, OPEN, Received

_MOST_BYTES = 64 * 1024 * 1024


class Journal:
    """Appends events to segments; used in one event loop, and closed with `close`.

    A segment is complete when its first event is `longest_s` old, when it has `most_events`, or when it is
    large. `on_open` is told of a new segment's path before anything is written to it, `on_write` when
    something was: its path, and how many bytes of it are durable.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        *,
        longest_s: float,
        most_events: int,
        on_open: Callable[[Path], None] = lambda path: None,
        on_write: Callable[[Path, int], None] = lambda path, size: None,
    ) -> None:
        self.folder = folder
        self.is_writable = True
        self._run_id = run_id
        self._longest_s = longest_s
        self._most_events = most_events
        self._on_open = on_open
        self._on_write = on_write
        self._number = 0
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._events = 0
        self._first_at = 0.0
        # Waits to be written, each with who waits for it.
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer = ThreadPoolExecutor(1, "journal")
        self._is_writing = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def append(self, event: Received) -> None:
        """Have an event on disk; raise LandingError where it cannot be written."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._pending.append((event.to_record(), done))
        self._begin_to_write(loop)
        await done

    async def complete_due(self, *, at_once: bool = False, run_id: str | None = None) -> bool:
        """Complete the segment if it is due, or at once; return whether one was.

        The next one is of `run_id`, where one is given. Raises LandingError.
        """
        due = self._events and (at_once or time.monotonic() - self._first_at >= self._longest_s)
        if due or (run_id is not None and self._file is not None):
            await asyncio.get_running_loop().run_in_executor(self._writer, self._complete)
        if run_id is not None:
            self._run_id, self._number = run_id, 0
        return bool(due)

    async def check_writable(self) -> bool:
        """Return whether an event could be written now."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._try_to_write)
        except (LandingError, OSError):
            self.is_writable = False
        else:
            self.is_writable = True
        return self.is_writable

    async def close(self) -> None:
        """Write what waits, and complete the segment; raise LandingError where that fails."""
        await self._idle.wait()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._complete)
        self._writer.shutdown()

    def _begin_to_write(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_writing or not self._pending:
            return
        self._is_writing = True
        self._idle.clear()
        batch, self._pending = self._pending, []
        written = loop.run_in_executor(self._writer, self._write, [record for record, _ in batch])

        def settle(result: asyncio.Future[None]) -> None:
            failure = result.exception()
            for _, done in batch:
                if done.done():
                    continue  # who waited has gone
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
            self._is_writing = False
            if self._pending:
                self._begin_to_write(loop)
            else:
                self._idle.set()

        written.add_done_callback(settle)

    def _write(self, records: list[bytes]) -> None:
        try:
            with explain_write_errors(self.folder):
                self._open()
                assert self._file is not None
                try:
                    self._write_all(b"".join(records))
                    os.fdatasync(self._file)
                except BaseException:
                    # Nothing of it was answered for, and the next record begins where this one did.
                    self._take_back()
                    raise
        except LandingError:
            self.is_writable = False
            raise
        self.is_writable = True
        if not self._events:
            self._first_at = time.monotonic()
        self._size += sum(map(len, records))
        self._events += len(records)
        self._on_write(self._path, self._size)
        if self._events >= self._most_events or self._size >= _MOST_BYTES:
            self._complete()

    def _try_to_write(self) -> None:
        """Write a byte that no event begins with but a cut one, and take it back; raises OSError."""
        self._open()
        assert self._file is not None
        try:
            os.pwrite(self._file, MARK[:1], self._size)
            os.fdatasync(self._file)
        finally:
            self._take_back()

    def _write_all(self, content: bytes) -> None:
        assert self._file is not None
        left = memoryview(content)
        place = self._size
        while left:
            written = os.pwrite(self._file, left, place)
            left, place = left[written:], place + written

    def _take_back(self) -> None:
        assert self._file is not None
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            # What follows goes into another file; what is broken at the end of this one is cut off.
            self._complete()

    def _open(self) -> None:
        if self._file is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        while (opened := self._create()) is None:
            pass
        path, file = opened
        try:
            sync_folder(self.folder)
            self._on_open(path)
        except BaseException:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._file, self._path, self._size, self._events = file, path, 0, 0

    def _create(self) -> tuple[Path, int] | None:
        """Create the next segment and lock it; None where somebody else was at it."""
        path = self.folder / f"{self._run_id}-{self._number:06d}{OPEN}"
        self._number += 1
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the two somebody may have taken it for one whose process is gone.
            if path.stat().st_ino == os.fstat(file).st_ino:
                return path, file
        except OSError:
            pass
        os.close(file)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None

    def _complete(self) -> None:
        """Give the segment the name of a complete one; an empty one is removed."""
        if self._file is None:
            return
        file, self._file = self._file, None
        events, self._events = self._events, 0
        try:
            with explain_write_errors(self.folder):
                if events:
                    self._path.rename(self._path.with_suffix(COMPLETE))
                else:
                    self._path.unlink(missing_ok=True)
                sync_folder(self.folder)
        finally:
            os.close(file)
