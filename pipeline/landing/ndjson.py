"""A file of payloads, one a line, compressed with zstd as one frame.

Invariant: what is added is compressed and written in the order it came, by one thread at a time, and no more
than two pieces of a MiB wait for that; `finish` returns when all of it is written, and `seal` when it is on
disk; both raise where that fails.

Compression runs beside the event loop and without Python's lock; a piece of many payloads takes half the time
that one payload at a time does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import zstandard

from pipeline.errors import LandingError, LimitMet
from pipeline.files.regular import open_regular
from pipeline.landing.manifest import REPAIR_ADVICE

# As small as with level 3, to within a half percent, in two thirds of its time (measured on payloads).
_LEVEL = 2
_PIECE = 1 << 20


class PayloadFile:
    """Writes lines to a new file; raises OSError when that fails, if need be for an earlier line."""

    def __init__(self, path: Path) -> None:
        # Buffered, because a raw file may write only a part and not say so when a disk is full.
        self._file = path.open("wb")
        # The frame's own checksum lets zstd notice a flipped bit by itself.
        self._frame = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._byte_count = 0
        self._digest = hashlib.sha256()
        self._lines: list[bytes] = []
        self._size = 0
        self._has_lines = False
        self._thread: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def add(self, line: bytes) -> None:
        """Take a line without its end; wait where the disk is slower than the lines come."""
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= _PIECE:
            self._wait()
            # A small file needs no thread.
            self._thread = self._thread or ThreadPoolExecutor(1, "payloads")
            self._writing = self._thread.submit(self._write, self._take_lines())

    def finish(self, behind: bytes = b"") -> tuple[int, str]:
        """Write what is left, and what belongs behind it; return how many bytes that are, and their SHA-256.

        Without payloads there are no bytes.
        """
        self._wait()
        self._write(self._take_lines())
        if self._has_lines:
            self._write_bytes(self._frame.flush() + behind)
        return self._byte_count, self._digest.hexdigest()

    def seal(self, after: bytes) -> None:
        """Write what follows the payloads, make the file durable and close it."""
        try:
            self._file.write(after)
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self.close()

    def close(self) -> None:
        """Close the file, whatever is not written yet; more than once is harmless."""
        if self._thread is not None:
            self._thread.shutdown()
        with suppress(OSError):
            self._file.close()

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _take_lines(self) -> list[bytes]:
        lines, self._lines, self._size = self._lines, [], 0
        return lines

    def _write(self, lines: list[bytes]) -> None:
        if lines:
            self._has_lines = True
            self._write_bytes(self._frame.compress(b"\n".join([*lines, b""])))

    def _write_bytes(self, content: bytes) -> None:
        self._file.write(content)
        self._byte_count += len(content)
        self._digest.update(content)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the payload lines of a landed file, without their ends.

    Raises LandingError where it can be read no further; what came before may be damaged too.
    """
    try:
        with open_regular(path) as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            rest = b""
            while block := reader.read(1 << 20):
                *lines, rest = (rest + block).split(b"\n")
                yield from lines
            if rest:
                yield rest
    except (OSError, zstandard.ZstdError) as broken:
        if (limit := LimitMet.find(broken)) is not None:
            raise limit from None  # it says nothing of the file
        raise LandingError(
            f"the landed file {path} cannot be read ({type(broken).__name__}): {REPAIR_ADVICE}", path=path
        ) from None
