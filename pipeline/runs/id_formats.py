"""Tells by its content how a source writes its ids, and reads them: as lines, a CSV or JSON.

Invariant: the name of a file never changes how it is read; a `.csv` without a column of ids is only refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from pipeline.runs.id_csv import find_layout, find_separator, read_csv
from pipeline.runs.id_json import read_json
from pipeline.runs.id_names import is_call_id_name, is_surely_an_id
from pipeline.runs.id_text import BLANKS, MARK, PlacedId, read_lines, read_pieces, refuse

_BLANKS = " \t\n" + MARK
# Where a comment begins. Within a word a `#` is a part of it, and makes it no id.
_COMMENT = re.compile(rf"(?:\A|[{BLANKS}])#")
# Exports leave delimiters of empty columns behind an id.
_AFTER_ID = " \t,;|"
# A first column named `#`, for the numbers of rows: no comment.
_NUMBERED_HEADER = re.compile(r"#[,;|\t]")


def read_source(source: BinaryIO, name: str) -> Iterator[PlacedId]:
    """Yield the ids of a source in order, each with its line or item; whether they are ids is not looked at.

    Raises UsageError where the source cannot be read as text, CSV or JSON, and MalformedId for a JSON value
    that is no text.
    """
    pieces = read_pieces(source, name)
    number = 1
    for piece in pieces:
        beginning = piece.lstrip(_BLANKS)
        number += piece.count("\n", 0, len(piece) - len(beginning))
        if beginning:
            following = chain([beginning], pieces)
            if beginning[0] in "[{":
                return read_json(following, name, number)
            return _read_table_or_list(read_lines(following, name, number), name)
    return iter(())


def _read_table_or_list(lines: Iterator[tuple[int, str]], name: str) -> Iterator[PlacedId]:
    """Read a CSV if the first line that is not blank names a column of ids, else ids line by line."""
    delimiter: str | None = None
    for number, line in lines:
        if _find_id(line) == "" and not _NUMBERED_HEADER.match(line):
            continue
        if delimiter is None:
            delimiter = find_separator(line)
            if delimiter is not None:
                continue
        layout = find_layout(line, f"{name} line {number}", delimiter)
        if layout is not None:
            return read_csv(lines, layout, name)
        if name.lower().endswith(".csv") and not is_surely_an_id(_find_id(line)):
            raise refuse(name, "has no column call_id", "name the column of the ids so in its first line")
        return _read_list(chain([(number, line)], lines), name)
    return iter(())


def _read_list(lines: Iterator[tuple[int, str]], name: str) -> Iterator[PlacedId]:
    """Yield the id of each line; blank lines, comments and a header in the middle are passed over."""
    for number, line in lines:
        call_id = _find_id(line)
        if call_id and not is_call_id_name(call_id):
            yield PlacedId(call_id, f"{name} line {number}")


def _find_id(line: str) -> str:
    """Return what is on a line without comment, empty columns, blanks and quotes round it."""
    text = _COMMENT.split(line, maxsplit=1)[0].strip(BLANKS).rstrip(_AFTER_ID)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip(BLANKS)
    return text
