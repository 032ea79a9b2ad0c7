"""Reads call ids from the rows of a CSV, whatever its delimiter, however its fields are quoted.

Invariant: no row is lost in silence, and no id within one. A row with more fields than the header has names
is refused where a field without a name is or may be an id. A quote that is opened and not closed makes all
that follows part of one field, and `csv` sees nothing wrong with that. So a quoted field is refused, with the
line on which its quote opens, when

- the text ends within it,
- text follows its end, where a delimiter or the end of the line must be: what ended it is then a quote that
  was meant to open another field,
- one of its lines has a call id where the rows of this file have theirs: a stray quote may end it by chance
  just before a delimiter, and then the rows between the two quotes are the only sign, or
- its row has more fields than the header and a second call id: the first quote of the next row ended it.

A summary over several lines has none of the four, even when its sentences name calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.runs.id_names import (
    find_id_name,
    is_call_id_name,
    is_probably_an_id,
    is_surely_an_id,
)
from pipeline.runs.id_text import BLANKS, LONGEST_TEXT, PlacedId, refuse

_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(\t|[^\w\s"])"?[,;\s]*', re.IGNORECASE)
_UP_TO_CLOSING_QUOTE = re.compile(r'[^"]*+(?:""[^"]*+)*+"')
_ADVICE_ON_FIELDS = "give one id a line, or name every column"
_ADVICE = "close it, write a quote within a field twice, or give the ids alone"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a CSV are made: what is between fields, which of them is the id, how many there are.

    `named` of the fields have a name; those without one stand at the end.
    """

    delimiter: str
    column: int
    name: str
    width: int
    named: int


def find_separator(line: str) -> str | None:
    """Return the delimiter that a line such as ``sep=;`` names for Excel, or None."""
    found = _SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def find_layout(line: str, place: str, delimiter: str | None) -> Layout | None:
    """Return the layout of a CSV by its header, or None when the line is no header with a column of ids.

    Raises UsageError when two columns are named as the id of the call.
    """
    for each in (delimiter,) if delimiter else _DELIMITERS:
        try:
            names = _Rows(iter(()), each, place).split(0, line)
        except UsageError:
            continue
        column = find_id_name(names, place)
        if column is not None:
            named = max(index for index, name in enumerate(names, 1) if name.strip())
            return Layout(each, column, names[column].strip(), len(names), named)
    return None


def read_csv(lines: Iterator[tuple[int, str]], layout: Layout, name: str) -> Iterator[PlacedId]:
    """Yield the id of every row below the header, with the line on which the row begins.

    Rows of nothing but delimiters, and the header where it comes again, are passed over. A row without an id
    yields an empty one. Raises UsageError for a quote that is not closed, for a header of another layout, and
    for an id in a field that has no name.
    """
    column, delimiter = layout.column, layout.delimiter
    rows = _Rows(lines, delimiter, name, column, layout.width, layout.named)
    for number, line in lines:
        if '"' not in line:
            cells = line.split(delimiter)
        else:
            sure_id = rows.find_sure_id(line)
            if sure_id is not None:
                yield PlacedId(sure_id, f"{name} line {number}")
                continue
            cells = rows.split(number, line)
        call_id = cells[column].strip(BLANKS) if column < len(cells) else ""
        if len(cells) > layout.named:
            rows.check_unnamed(cells, layout.named, f"{name} line {number}")
        if not is_surely_an_id(call_id):
            if not any(cell.strip() for cell in cells) or find_separator(line) is not None:
                continue
            if call_id and _is_header(cells, call_id, layout, f"{name} line {number}"):
                continue
            rows.note_length(call_id)
        yield PlacedId(call_id, f"{name} line {number}")


def _is_header(cells: list[str], call_id: str, layout: Layout, place: str) -> bool:
    """Return whether a row is the header again, as in files that were put one after the other.

    Raises UsageError when it is the header of another layout, whose rows would be read wrongly.
    """
    if is_call_id_name(call_id) or call_id.lower() == layout.name.lower():
        return True
    if any(is_call_id_name(cell) for cell in cells):
        raise refuse(
            place, "is a second header with the ids in another column", "give each table in a file of its own"
        )
    return False


class _Rows:
    """Splits lines into the fields of a row, and takes further lines where a quoted field goes on."""

    def __init__(
        self,
        lines: Iterator[tuple[int, str]],
        delimiter: str,
        name: str,
        column: int | None = None,
        width: int = 0,
        named: int = 0,
    ) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._name = name
        self._column = column
        self._width = width
        self._lengths: set[int] = set()
        blanks = "[ ]*+" if delimiter == "\t" else "[ \t]*+"
        sign = re.escape(delimiter)
        # Possessive, so that a quote that is not closed is not taken for text. Blanks round quotes go.
        field = rf'{blanks}(?:"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"{blanks}|(?!")(?P<plain>[^{sign}]*+))'
        self._field = re.compile(rf"{field}(?P<delimiter>{sign}|\Z)")
        self._after_quote = re.compile(rf"{blanks}(?P<delimiter>{sign}|\Z)")
        after = re.sub(r"\?P<\w+>", "?:", field)
        # What is quoted before the id may be the id, if it has a delimiter in it.
        before = rf'{blanks}(?:"[^"{sign}]*+"{blanks}|(?!")[^{sign}]*+)'
        # A row with more fields than there are names is looked at more closely.
        most_after = max(named - 1 - (column or 0), 0)
        self._row = re.compile(
            rf"(?:{before}{sign}){{{column or 0}}}+{field}(?:{sign}{after}){{0,{most_after}}}+\Z"
        )

    def note_length(self, call_id: str) -> None:
        """Keep in mind how long an id of this file is, to know another one when it is seen."""
        self._lengths.add(len(call_id))

    def check_unnamed(self, cells: list[str], named: int, place: str) -> None:
        """Raise UsageError where a field that the header has no name for is an id, which would be lost.

        Where the header names only the ids, any text there may be one.
        """
        for cell in cells[named:]:
            text = cell.strip(BLANKS)
            if text and (named == 1 or is_probably_an_id(text, self._lengths)):
                raise refuse(place, "has more fields than the header has names", _ADVICE_ON_FIELDS)

    def find_sure_id(self, line: str) -> str | None:
        """Return the id of a row that is sound beyond doubt, else None: most are, and this is fast."""
        row = self._row.match(line)
        if row is None:
            return None
        call_id = str(row["quoted"] or row["plain"] or "").strip(BLANKS)
        return call_id if is_surely_an_id(call_id) else None

    def split(self, number: int, line: str) -> list[str]:
        """Return the fields of the row that begins with this line, without their quotes.

        Raises UsageError for a quote that is not closed; see the top of the module.
        """
        fields: list[str] = []
        match_field = self._field.match
        opened = number
        has_id = False
        at = 0
        while True:
            end = match_field(line, at)
            if end:
                quoted, plain, _ = end.groups()
                if quoted is not None and self._delimiter in quoted:
                    has_id = has_id or self._has_id(quoted, self._find_column_in_rest(fields))
                fields.append(plain if quoted is None else quoted.replace('""', '"'))
            else:
                opened = number
                field, number, end = self._read_long_field(fields, number, line, at)
                fields.append(field)
                line = end.string
            if not end["delimiter"]:
                break
            at = end.end()
        if (has_id or len(fields) > self._width) and self._is_doubtful(fields, has_id):
            raise self._refuse_id(opened, number)
        return fields

    def _read_long_field(
        self, fields: list[str], opened: int, line: str, at: int
    ) -> tuple[str, int, re.Match[str]]:
        """Read the quoted field that begins at `at` and goes over several lines.

        Return it, the number of its last line, and the match of what ends it there.
        """
        place = f"{self._name} line {opened}"
        column = self._find_column_in_rest(fields)
        if self._column is not None and len(fields) > self._column:
            self.note_length(fields[self._column].strip())
        start = line.index('"', at) + 1
        number = opened
        parts: list[str] = []
        size = 0
        while True:
            closing = _UP_TO_CLOSING_QUOTE.match(line, start)
            part = line[start : closing.end() - 1] if closing else line[start:]
            if self._has_id(part, column):
                raise self._refuse_id(opened, number)
            parts.append(part)
            if closing:
                break
            size += len(part)
            following = next(self._lines, None)
            if following is None or size > LONGEST_TEXT:
                raise refuse(place, "opens a quote that is never closed", _ADVICE)
            number, line = following
            start, column = 0, self._column
        end = self._after_quote.match(line, closing.end())
        if end is None:
            raise refuse(place, f"opens a quote that has text after its end on line {number}", _ADVICE)
        return "\n".join(parts).replace('""', '"'), number, end

    def _find_column_in_rest(self, fields: list[str]) -> int | None:
        """Return how many fields after the one that begins now the id is, or None where it is not."""
        if self._column is None or len(fields) >= self._column:
            return None
        return self._column - len(fields)

    def _has_id(self, text: str, column: int | None) -> bool:
        """Return whether a line of a quoted field has a call id where the row would have it."""
        if column is None:
            return False
        cells = text.split(self._delimiter, column + 1)
        return column < len(cells) and is_probably_an_id(cells[column].strip(' "'), self._lengths)

    def _is_doubtful(self, fields: list[str], has_id: bool) -> bool:
        """Return whether a quote too many has put fields of a row together, or brought those of the next one.

        `has_id` says that a quoted field has an id within: that is a list of calls where the row is otherwise
        as wide as the header and has an id, else it is the row's own id. In a row that is too wide, a second
        id may be that of the next row, whose first quote closed a field of this one.
        """
        column = self._column
        if column is None:
            return False
        ids = [is_probably_an_id(field.strip(), self._lengths) for field in fields[column:]]
        is_too_wide = len(fields) > self._width
        return (is_too_wide and any(ids[1:])) or (has_id and (len(fields) != self._width or not ids[0]))

    def _refuse_id(self, opened: int, number: int) -> UsageError:
        place = f"{self._name} line {opened}"
        return refuse(place, f"opens a quote that is still open at the id on line {number}", _ADVICE)
