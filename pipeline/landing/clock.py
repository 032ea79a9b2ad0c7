"""Numbers what is landed, so that of two answers the newer one has the greater number, whatever clocks say.

The number is the time of the answer in microseconds since 1970, as the clock said, plus a correction. While
clocks are right, the correction is 0. Where a clock is found to have gone back, because it was ahead or
because it is behind now, the correction grows by so much that what is landed from then on has greater numbers
than all that was landed before the run began. It never becomes smaller.

`landing/clock.json` keeps the correction and the greatest number. Where that file is lost or damaged, the
manifests tell the greatest number.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.files.checksum import BROKEN, read_checked, write_checked
from pipeline.files.regular import read_regular
from pipeline.times import to_epoch_us

NAME = "clock.json"

EARLIER_VERSIONS = 1 << 62
"""Subtracted from the time of an answer that an earlier version landed: any with a number is newer."""

# Clocks are put right by so much while they run.
_SLACK_US = 1_000_000
# From the first answer of a chunk until it is complete, on a slow disk.
_LONGEST_CHUNK_US = 120_000_000
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock says now, aware, and what is added to its times, in microseconds."""

    now: datetime
    correction_us: int

    def number(self, moment: datetime) -> int:
        """Return the number of an answer that came at an aware moment, which is not after now."""
        return to_epoch_us(moment) + self.correction_us


def read_greatest(landing_dir: Path, find_greatest: Callable[[], int]) -> int:
    """Return the greatest number that is landed; `find_greatest` does, where the file does not tell."""
    try:
        return int(read_checked(read_regular(landing_dir / NAME))["greatest"])
    except BROKEN:
        return find_greatest()


def read_clock(
    landing_dir: Path, fetched: Iterable[datetime], begin: int, find_greatest: Callable[[], int]
) -> Reading:
    """Read the clock for a chunk that is complete now, and note that something was landed now.

    `fetched` are the times of its answers, aware, `begin` is the greatest number that was landed before any
    of them was asked for. `find_greatest` returns the greatest number that is landed, where the file does not
    tell. Raises OSError.
    """
    path = landing_dir / NAME
    # Not created anew each time: whoever waits for its lock would wait for a file that is gone.
    is_none = LandingError(f"{path} is not a file: remove it, then run the same command again", path=path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as refused:
        if refused.errno in (errno.EISDIR, errno.ELOOP):
            raise is_none from None
        if refused.errno == errno.EACCES and path.exists():
            raise LandingError(
                f"cannot write to {path} ({refused.strerror}): fix its permissions or remove it, then run "
                "the same command again",
                path=path,
            ) from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise is_none
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        greatest, correction_us = _read(descriptor, find_greatest)
        now = datetime.now(UTC)
        now_us = to_epoch_us(now)
        # What is much older was not fetched for this chunk: it stays as old as it is.
        recent = (min(now_us, us) for us in map(to_epoch_us, fetched) if us > now_us - _LONGEST_CHUNK_US)
        start_us = min(recent, default=now_us)
        if now_us + correction_us < greatest - _SLACK_US:
            correction_us = greatest + 1 - start_us
        elif start_us + correction_us <= begin:
            correction_us = begin + 1 - start_us
        content = write_checked(
            {"greatest": max(greatest, now_us + correction_us), "correction_us": correction_us}
        )
        # Shorter than a block, so that it is written as a whole or not at all; if not, the checksum tells.
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
        return Reading(now, correction_us)
    finally:
        os.close(descriptor)


def _read(descriptor: int, find_greatest: Callable[[], int]) -> tuple[int, int]:
    """Return the greatest number that is landed, and the correction."""
    try:
        said = read_checked(os.pread(descriptor, _MOST_BYTES, 0))
        return int(said["greatest"]), int(said["correction_us"])
    except BROKEN:
        return find_greatest(), 0
