"""Changes to the whole process, each with its reason: nothing else changes what other code in it lives with.

Each holds until the process ends, and may be made again.
"""

from __future__ import annotations

import gc
import os
import sys

_OWNER_ONLY = 0o077
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
