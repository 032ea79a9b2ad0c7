"""Reads the bytes of a source of ids as text, and says where in it something stands.

UTF-8 and UTF-16 are read; UTF-16 needs the byte order mark that Excel and PowerShell write. Whatever is no
text is refused by one sentence that says what it is and how to save it.

Invariant: no character is replaced or left out, so an id is never changed on its way, and lines are counted
as an editor counts them: they end with a line feed, a carriage return, or both.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from pipeline.errors import UsageError

LONGEST_TEXT = 8 * 2**20
"""Characters that one line, one quoted field or one JSON value may have: a payload has far fewer."""

MARK = "\ufeff"
"""The byte order mark as text; it is also in the middle of files that were put one after the other."""

BLANKS = " \t\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""What may stand round an id and is no part of it. Not all that `str.strip` takes away: control characters
are no blanks."""

_BLOCK = 2**18
_HEAD = 4096
_UTF_16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MARKS_OF_A_LINE = re.compile(f"^{MARK}+", re.MULTILINE)

_AS_TEXT = "save the ids as plain text or CSV in UTF-8"
# What a file begins with, what it then is, and what to do.
_NO_TEXT = {
    b"PK\x03\x04": ("an Excel workbook or another zip file", 'save it as "CSV UTF-8", or unpack it'),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", 'save it as "CSV UTF-8"'),
    b"\x1f\x8b": ("compressed by gzip", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", "unpack it"),
    b"BZh": ("compressed by bzip2", "unpack it"),
    b"\xfd7zXZ\0": ("compressed by xz", "unpack it"),
    b"PAR1": ("a Parquet file", "write its ids as CSV"),
    b"SQLite format 3\0": ("an SQLite database", "write its ids as CSV"),
    b"%PDF-": ("a PDF", _AS_TEXT),
    b"\xff\xfe\0\0": ("UTF-32 text", "save it as UTF-8"),
    b"\0\0\xfe\xff": ("UTF-32 text", "save it as UTF-8"),
}


class PlacedId(NamedTuple):
    """A call id as it stands in the input, with the place to name when it is malformed."""

    call_id: str
    place: str


def refuse(place: str, problem: str, advice: str) -> UsageError:
    """Return the error that says what is wrong at a place of the input, and what to do."""
    return UsageError(f"{place} {problem}: {advice}; nothing was fetched")


def read_pieces(source: BinaryIO, name: str) -> Iterator[str]:
    """Yield the text of a source in pieces, every line end as ``\\n``; a line may go over several pieces.

    Raises UsageError, with the line where there is one, for what is neither UTF-8 nor UTF-16 text.
    """
    block = source.read(_BLOCK)
    encoding, mark = _find_encoding(block, name)
    decode = codecs.getincrementaldecoder(encoding)().decode
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    number = 1
    block = block[len(mark) :]
    while True:
        following = source.read(_BLOCK)
        is_undecodable = False
        try:
            text = decode(block, not following)
        except UnicodeDecodeError as broken:
            # What comes before it is read first: there may be a line to name in it already.
            text = broken.object[: broken.start].decode(encoding)
            is_undecodable = True
        piece = line_ends.decode(text, is_undecodable or not following)
        sound, nul, _ = piece.partition("\0")
        yield sound
        number += sound.count("\n")
        place = f"{name} line {number}"
        if nul:
            raise refuse(place, "has a NUL byte, so it is no text", _AS_TEXT)
        if is_undecodable:
            raise refuse(place, "is neither UTF-8 nor UTF-16 text", _AS_TEXT)
        if not following:
            return
        block = following


def _find_encoding(block: bytes, name: str) -> tuple[str, bytes]:
    """Return the encoding of a text by its first bytes, and the mark that it begins with."""
    for beginning, (what, advice) in _NO_TEXT.items():
        if block.startswith(beginning):
            raise refuse(name, f"is {what}", advice)
    for mark, encoding in _UTF_16_MARKS.items():
        if block.startswith(mark):
            return encoding, mark
    # Latin letters in UTF-16 have a NUL for every other byte.
    head = block[:_HEAD]
    few, many = sorted((head[::2].count(0), head[1::2].count(0)))
    if many > len(head) // 4 and many > few * 4:
        raise refuse(name, "is UTF-16 text without a byte order mark", "save it as UTF-8")
    return "utf-8", b""


def read_lines(pieces: Iterable[str], name: str, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text without their ends, numbered from `first`.

    Byte order marks at the beginning of a line are left out. Raises UsageError for a line that is longer than
    `LONGEST_TEXT`, so that memory stays flat.
    """
    number, rest = first, ""
    for piece in pieces:
        text = rest + piece
        if MARK in text:
            text = _MARKS_OF_A_LINE.sub("", text)
        lines = text.split("\n")
        rest = lines.pop()
        yield from enumerate(lines, number)
        number += len(lines)
        if len(rest) > LONGEST_TEXT:
            raise refuse(f"{name} line {number}", "is too long", "give one id a line, a CSV or a JSON array")
    if rest:
        yield number, rest
