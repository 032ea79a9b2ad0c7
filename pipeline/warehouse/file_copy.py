"""Copies a database file that this process has open, without losing its lock.

A process that opens and closes a file loses the locks it holds on it, whoever in the process holds them. So
the copy is made by another process; where the file system can share blocks it takes no time and no room. A
copy gets its name only while the process that asked for it lives, and with it the lock on what was copied.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import WarehouseError

# 0x40049409 is Linux's FICLONE. The copy has its name only when it is whole, and on disk if that is wanted.
_PROGRAM = """
import fcntl, os, shutil, sys
source, target, parent, *flushed = sys.argv[1:]
part = target + ".part"
try:
    with open(source, "rb") as old, open(part, "wb") as new:
        try:
            fcntl.ioctl(new, 0x40049409, old.fileno())
        except OSError:
            shutil.copyfile(source, part)
        if flushed:
            os.fsync(new.fileno())
    # An orphan may have copied while somebody else wrote to the file.
    if os.getppid() != int(parent):
        os.unlink(part)
        sys.exit("nobody waits for the copy any more")
    os.replace(part, target)
except OSError as refused:
    if os.path.exists(part):
        os.unlink(part)
    sys.exit(refused.strerror or str(refused))
"""


def copy_file(source: Path, target: Path, *, is_flushed: bool = True) -> None:
    """Copy a file under a new name; raise OSError with the reason when that cannot be done.

    The caller sees to it that nobody writes to the file meanwhile; and, unless `is_flushed`, that the copy is
    on disk before anyone relies on it.
    """
    flushed = ["flushed"] if is_flushed else []
    copied = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM, str(source), str(target), str(os.getpid()), *flushed],
        capture_output=True,
        text=True,
        # The Ctrl-C of a terminal is for the process that asked: it decides what becomes of the copy.
        process_group=0,
    )
    if copied.returncode != 0:
        raise OSError((copied.stderr.strip().splitlines() or ["no reason given"])[-1])


def flush_copy(copy: Path) -> None:
    """Have a copy on disk that was made without that; nobody has it open in this process."""
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def clear_on_failure(clear: Callable[[], None], sentence: Callable[[str], str]) -> Iterator[None]:
    """Call `clear` when a file cannot be made; raise WarehouseError, with the `sentence` for a reason."""
    try:
        yield
    except WarehouseError:
        with suppress(OSError):
            clear()
        raise
    except OSError as refused:
        with suppress(OSError):
            clear()
        raise WarehouseError(sentence(str(refused.strerror or refused))) from None
