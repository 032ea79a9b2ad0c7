"""Reads the call ids a user asks for, from arguments, files or stdin, into one spool file.

Every id is checked before anything is written for use: a malformed one is named with its place, and then
nothing is fetched. The spool keeps the order of the input and memory stays flat however many ids there are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from pipeline.errors import MalformedId, UsageError
from pipeline.retell.call_id import is_call_id

_COLUMN = "call_id"
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class PlacedId:
    """A call id as it stands in the input, with the place to name when it is malformed."""

    call_id: str
    place: str


def read_ids(sources: Iterable[str], stdin: TextIO) -> Iterator[PlacedId]:
    """Yield every id of the sources in order: ids, files (lines, CSV or JSON array) and ``-`` for stdin.

    Raises UsageError for a file that is missing, unreadable or not of a known form, and MalformedId for
    the first text that is not a call id.
    """
    for number, source in enumerate(sources, start=1):
        if source == "-":
            found = _read_text(stdin, "stdin")
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


def spool_ids(sources: Iterable[str], stdin: TextIO, spool: Path) -> int:
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
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _read_text(lines, str(path))
    except OSError as failure:
        raise UsageError(
            f"cannot read {path} ({failure.strerror}): check its permissions or name another file"
        ) from None


def _read_text(text: TextIO, name: str) -> Iterator[PlacedId]:
    try:
        lines = iter(text)
        for blanks, first in enumerate(lines):
            if first.strip().lstrip("\ufeff"):
                yield from _read_lines(first.lstrip("\ufeff"), lines, blanks, name)
                return
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8 text: save the ids as plain text, CSV or JSON") from None


def _read_lines(first: str, rest: Iterator[str], blanks: int, name: str) -> Iterator[PlacedId]:
    """Tell the form of the input by its first line that is not blank, and read it."""
    if first.lstrip().startswith("["):
        return _read_json(first + "".join(rest), name)
    for delimiter in _DELIMITERS:
        try:
            header = [field.strip() for field in next(csv.reader([first], delimiter=delimiter))]
        except csv.Error:
            # Too long for a field, so no header; as ids its parts are looked at one by one.
            continue
        if _COLUMN in header:
            return _read_csv(rest, header.index(_COLUMN), delimiter, blanks + 1, name)
    if name.lower().endswith(".csv"):
        raise UsageError(f"{name} has no column {_COLUMN}: name the column of the ids so in its first line")
    return _read_id_lines(chain([first], rest), blanks, name)


def _read_id_lines(lines: Iterable[str], blanks: int, name: str) -> Iterator[PlacedId]:
    for number, line in enumerate(lines, start=blanks + 1):
        call_id = line.split("#", 1)[0].strip()
        if call_id:
            yield PlacedId(call_id, f"{name} line {number}")


def _read_csv(
    lines: Iterator[str], column: int, delimiter: str, skipped: int, name: str
) -> Iterator[PlacedId]:
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            place = f"{name} line {skipped + reader.line_num}"
            if not any(field.strip() for field in row):
                continue
            yield PlacedId(row[column].strip() if column < len(row) else "", place)
    except csv.Error as broken:
        raise UsageError(
            f"{name} line {skipped + reader.line_num} is not readable CSV ({broken}): correct it"
        ) from None


def _read_json(text: str, name: str) -> Iterator[PlacedId]:
    try:
        items = json.load(io.StringIO(text))
    except (ValueError, RecursionError) as broken:
        where = f" line {broken.lineno}" if isinstance(broken, json.JSONDecodeError) else ""
        raise UsageError(f"{name}{where} is not a JSON array of ids: correct it") from None
    if not isinstance(items, list):
        raise UsageError(f"{name} is not a JSON array of ids: correct it")
    for number, item in enumerate(items, start=1):
        call_id = item.get(_COLUMN) if isinstance(item, dict) else item
        place = f"{name} item {number}"
        if not isinstance(call_id, str):
            # As text, a number or null could pass for an id.
            raise MalformedId(json.dumps(item), place)
        yield PlacedId(call_id, place)
