"""Opens what is a file, and nothing else: a pipe or a device that bears a file's name would block a reader.

A link to a file is a file; one that leads nowhere, or to itself, is none.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from pipeline.errors import LimitMet


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes; raise OSError where there is none or it is something else.

    Raises LimitMet where this process may open no more files, which says nothing of the file.
    """
    try:
        # Without waiting: to open a pipe waits for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as refused:
        raise LimitMet.find(refused) or refused from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path) -> bytes:
    """Return the content of a file; raises as `open_regular` does."""
    with open_regular(path) as file:
        return file.read()


def is_regular(path: Path) -> bool:
    """Return whether there is a file of that name, or a link to one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False
