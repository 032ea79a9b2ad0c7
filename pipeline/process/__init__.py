"""Changes to the whole process, each with its reason: nothing else changes what other code in it lives with.

Each holds until the process ends, and may be made again.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

_OWNER_ONLY = 0o077
# What glibc calls the number of places that threads allocate from.
_ARENA_MAX = -8
# Containers made before Python looks for cycles. A payload is more than a thousand, all gone without that
# once it is judged; looking after every 700, as by default, took a sixth of the time of extraction.
_LOOK_FOR_CYCLES_AFTER = 50_000


def keep_files_private() -> None:
    """Let nobody but their owner read the files that are made from now on.

    Payloads, quarantine and warehouse hold phone numbers and transcripts.
    """
    os.umask(_OWNER_ONLY)


def escape_unprintable_characters() -> None:
    """Show the code of a character that the terminal lacks, where Python would stop the command."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def keep_pandas_out() -> None:
    """Make importing pandas fail, so that DuckDB does not do it.

    Nothing here uses pandas; but for the first value that a query is given DuckDB would import it where it
    is installed, which takes a third of a second and 50 MB, and elsewhere search for it with every value.
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]


def keep_to_one_thread_for_numbers() -> None:
    """Let numpy start no threads that nothing here uses: each takes memory, and may be refused."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def save_address_space() -> None:
    """Let threads share what they allocate from, where the process has a limit (`ulimit -v`).

    By default each reserves 64 MB for itself, which counts although most of it is never used.
    """
    if _has_memory_limit():
        import ctypes

        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def check_memory(size_mb: int) -> None:
    """Raise MemoryError where so much is not to be had: for before a library that would end the process."""
    if _has_memory_limit():
        import mmap

        try:
            mmap.mmap(-1, size_mb << 20).close()
        except OSError:
            raise MemoryError from None


def check_files(number: int) -> None:
    """Raise OSError where so many files more cannot be opened."""
    opened: list[int] = []
    try:
        for _ in range(number):
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _has_memory_limit() -> bool:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def keep_asyncio_quiet() -> None:
    """Keep asyncio from writing tracebacks to the terminal: what matters of them is raised, too."""
    # Imported late: until this module is there, signals are nobody's.
    import logging

    logging.getLogger("asyncio").addHandler(logging.NullHandler())


def collect_cycles_rarely() -> None:
    """Let Python's garbage collector look for cycles less often; where it is off, it stays off.

    For good, because extractions run side by side, and none knows which is the last.
    """
    first, *others = gc.get_threshold()
    if 0 < first < _LOOK_FOR_CYCLES_AFTER:
        gc.set_threshold(_LOOK_FOR_CYCLES_AFTER, *others)
