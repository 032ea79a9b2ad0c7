"""Writes files that are there whole or not at all after a crash, and tells the living's from the dead's.

Whoever writes in a folder holds a shared lock on it until the file has its name; the system drops the lock
when the process dies. So an unfinished file in a folder that nobody holds is nobody's, and may be cleared.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import LandingError
from pipeline.errors.limits import find_limit

PART = ".part"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all; a failure leaves nothing."""
    # Two processes may write the same file at the same time: each its own part, and the last one counts.
    part = path.with_name(f"{path.name}.{secrets.token_hex(3)}{PART}")
    with mark_folder_used(path.parent):
        try:
            write_part(part, content)
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_part(part: Path, content: bytes) -> None:
    """Write an unfinished file, whole and on disk, which is then to be given its name."""
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder durable: a rename is so only once the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def mark_folder_used(folder: Path) -> Iterator[None]:
    """Be seen to write in a folder until the block ends; any number may."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: then nobody ever clears the folder
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def lock_unused_folder(folder: Path) -> Iterator[bool]:
    """Return whether nobody writes in a folder, and keep it so until the block ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


class explain_write_errors:  # noqa: N801  reads as a clause: with explain_write_errors(folder)
    """Turns an operating system's refusal to write into a LandingError that says what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        limit = None if failure is None else find_limit(failure)
        if isinstance(failure, OSError) or limit is not None:
            # What a limit is behind gets its advice where it is shown.
            reason = getattr(failure, "strerror", None) or (limit.what if limit else failure)
            raise LandingError(
                f"cannot write to {self.folder} ({reason}): make room or fix the permissions, "
                "or choose another folder with --data-dir, then run the same command again",
                path=self.folder,
            ) from None
