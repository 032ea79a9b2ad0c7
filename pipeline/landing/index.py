"""Remembers which folders of landing are settled, so that what a run costs does not grow with how many were.

A folder is settled when all its chunks are loaded and nothing odd lies in it. `landing/index.json` says of
each when it was changed last and which chunks the warehouse had of it. It is believed only where both
are still so: a folder that somebody touched, a warehouse that was put back or made anew, and an index that is
damaged, old or gone cost one look, and lose nothing. The truth stays in the chunks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.files.atomic import PART
from pipeline.files.checksum import BROKEN, read_checked, write_checked
from pipeline.files.regular import read_regular
from pipeline.landing.look import INDEX, LandedFolder

# A file that is added in the same moment may leave a folder's time as it is: how long that moment can be.
_MOMENT_NS = 50_000_000
# Some file systems keep whole seconds, or every other.
_SECOND_NS = 1_000_000_000
_SLOW_MOMENT_NS = 2 * _SECOND_NS


@dataclass
class Index:
    """Which folders are settled: when each was changed last, in ns since 1970.

    `chunks` is a fingerprint of all chunks that the warehouse had then, `runs` has one of each folder's.
    """

    chunks: str = ""
    folders: dict[str, int] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)


def read_index(landing_dir: Path, chunks: str, read_runs: Callable[[], dict[str, str]]) -> Index:
    """Return the folders that are settled; none where the index cannot be believed.

    `chunks` is a fingerprint of the chunks that the warehouse has now. Where it is another one, `read_runs`
    is asked for one of each run: those count that are as they were.
    """
    try:
        said = read_checked(read_regular(landing_dir / INDEX))
        index = Index(said["chunks"], said["folders"], said["runs"])
    except BROKEN:
        return Index()
    if index.chunks == chunks:
        return index
    runs = read_runs()
    same = {name for name, known in index.runs.items() if runs.get(name, "") == known}
    return Index(
        index.chunks,
        {name: changed_ns for name, changed_ns in index.folders.items() if name in same},
        {name: known for name, known in index.runs.items() if name in same},
    )


def write_index(landing_dir: Path, index: Index) -> None:
    """Keep which folders are settled; where that cannot be written, the next run looks again."""
    # Not synced, and not under the folder's lock, which a run that lists holds: two that write at once, and a
    # crash, leave what its checksum tells from an index.
    part = landing_dir / f"{INDEX}{PART}"
    with suppress(OSError):
        part.write_bytes(write_checked(vars(index)))
        part.replace(landing_dir / INDEX)


def can_be_settled(folder: LandedFolder, now_ns: int | None = None) -> bool:
    """Return whether nothing odd is in a folder, and it cannot change without being seen to."""
    if folder.orphans or folder.odd or folder.has_unfinished:
        return False
    now_ns = time.time_ns() if now_ns is None else now_ns
    moment = _MOMENT_NS if folder.changed_ns % _SECOND_NS else _SLOW_MOMENT_NS
    # Of a time to come it is known that it is not now.
    return not now_ns - moment <= folder.changed_ns <= now_ns + moment
