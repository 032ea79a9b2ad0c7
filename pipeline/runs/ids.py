"""Reads the call ids a user asks for, from arguments, files or stdin, into one spool file.

Every id is checked before anything is written for use: a malformed one is named with its place, and then
nothing is fetched. The spool keeps the order of the input and memory stays flat however many ids there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import MalformedId, UsageError
from pipeline.payload.call_id import is_call_id
from pipeline.runs.id_formats import read_source
from pipeline.runs.id_text import PlacedId


def read_ids(sources: Iterable[str], stdin: BinaryIO) -> Iterator[PlacedId]:
    """Yield every id of the sources in order: ids, files in any form of `id_formats`, and ``-`` for stdin.

    Raises UsageError for a file that is missing, unreadable or not of a known form, and MalformedId for
    the first text that is not a call id.
    """
    for number, source in enumerate(sources, start=1):
        if source == "-":
            found = _read_stdin(stdin)
        elif _matches_path(source, lambda path: path.exists() and not path.is_dir()):
            found = _read_file(Path(source))
        elif _matches_path(source, Path.is_dir):
            raise UsageError(f"{source} is a folder: name the file of ids in it")
        elif not is_call_id(source) and ("/" in source or "\\" in source or Path(source).suffix):
            raise UsageError(f"there is no file {source}: name an existing file of ids, ids, or - for stdin")
        else:
            found = iter([PlacedId(source, f"argument {number}")])
        for placed in found:
            if not is_call_id(placed.call_id):
                raise MalformedId(placed.call_id, placed.place)
            yield placed


def spool_ids(sources: Iterable[str], stdin: BinaryIO, spool: Path) -> int:
    """Write ``position,call_id`` lines for every id of the sources to `spool`; return how many there are.

    Raises what `read_ids` raises, and UsageError when there is not a single id.
    """
    named = list(sources)
    count = 0
    with spool.open("w", encoding="ascii", newline="") as out:
        for position, placed in enumerate(read_ids(named, stdin)):
            out.write(f"{position},{placed.call_id}\n")
            count = position + 1
    if count == 0:
        where = " ".join("stdin" if source == "-" else source for source in named)
        raise UsageError(f"there are no call ids in {where}: give one id a line, a CSV or a JSON array")
    return count


def _matches_path(source: str, kind: Callable[[Path], bool]) -> bool:
    try:
        return source != "" and kind(Path(source))
    except (OSError, ValueError):
        # Too long for a path, or with a character no path has: then it is none.
        return False


def _read_file(path: Path) -> Iterator[PlacedId]:
    try:
        with path.open("rb") as source:
            yield from read_source(source, str(path))
    except OSError as failure:
        raise UsageError(
            f"cannot read {path} ({failure.strerror}): check its permissions or name another file"
        ) from None


def _read_stdin(stdin: BinaryIO) -> Iterator[PlacedId]:
    try:
        yield from read_source(stdin, "stdin")
    except OSError as failure:
        raise UsageError(f"cannot read stdin ({failure.strerror}): give it a file or a pipe") from None
