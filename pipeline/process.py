"""Changes to the whole process, each with its reason: nothing else changes what other code in it lives with.

Each holds until the process ends, and may be made again.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

_OWNER_ONLY = 0o077
# Containers made before Python looks for cycles. A payload is more than a thousand, all gone without that
# once it is judged; looking after every 700, as by default, took a sixth of the time of extraction.
_LOOK_FOR_CYCLES_AFTER = 50_000


def keep_files_private() -> None:
    """Let nobody but their owner read the files that are made from now on.

    Payloads, quarantine and warehouse hold phone numbers and transcripts.
    """
    os.umask(_OWNER_ONLY)


def treat_termination_as_interruption() -> None:
    """Treat SIGTERM like Ctrl-C: what was fetched is landed and loaded before the process ends."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background of a script, where Ctrl-C is somebody else's.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


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


def collect_cycles_rarely() -> None:
    """Let Python's garbage collector look for cycles less often; where it is off, it stays off.

    For good, because extractions run side by side, and none knows which is the last.
    """
    first, *others = gc.get_threshold()
    if 0 < first < _LOOK_FOR_CYCLES_AFTER:
        gc.set_threshold(_LOOK_FOR_CYCLES_AFTER, *others)
