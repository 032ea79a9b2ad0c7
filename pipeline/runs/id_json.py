"""Reads call ids from JSON of any size: what the API answers, what webhooks bring, and lists of ids.

A source is one JSON value or several, one after another: an array, a list answer with `items`, a call, the
body of a webhook, or such values line by line. Invariants: only one item is in memory at a time, so memory
stays flat however large the file is, and wherever its lines end; of two ids in one object none is dropped in
silence, not even where JSON lets the later of two equal names win.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.errors import MalformedId, UsageError
from pipeline.runs.id_names import find_id_name, is_call_id_name
from pipeline.runs.id_text import LONGEST_TEXT, MARK, PlacedId, refuse

_ID = "call_id"
_CALL = "call"
_ITEMS = "items"

_BLANK = f" \t\n{MARK}"
_BLANKS = re.compile(f"[{_BLANK}]*")
_GIVE_ONE = "leave one of them"


class _Doubled(dict[str, Any]):
    """An object that has a name of ids twice, with different values."""

    name = ""


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        first: dict[str, Any] = {}
        for name, value in pairs:
            if first.setdefault(name, value) != value and (name in (_CALL, _ITEMS) or is_call_id_name(name)):
                doubled = _Doubled(made)
                doubled.name = name
                return doubled
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_make_object)
_WINDOW = 2**20
_LONGEST_TOKEN = 10
_LARGE = object()


def read_json(pieces: Iterator[str], name: str, first: int) -> Iterator[PlacedId]:
    """Yield every id of the JSON text, which begins on line `first`.

    An id is named by its item, or by its line where the values stand one after another. Raises UsageError for
    what is not JSON, and MalformedId or UsageError for an item that is or has no id.
    """
    window = _Window(pieces, name, first)
    is_first = True
    while mark := window.peek():
        place = f"{name} line {window.count_lines()}"
        # Of a file that is one array or one answer, the item says more than the line.
        within = name if is_first else place
        is_first = False
        if mark == "[":
            yield from _read_array(window, within)
        elif mark == "{":
            yield from _read_object(window, within, place)
        else:
            yield from _find_ids(window.read_value(), place)


def _read_array(window: _Window, within: str) -> Iterator[PlacedId]:
    """Yield the ids of the array that begins here, item by item."""
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    number = 0
    while True:
        number += 1
        item = window.read_value()
        call_id = item.get(_ID) if type(item) is dict and _CALL not in item else item
        if type(call_id) is str:
            yield PlacedId(call_id, f"{within} item {number}")
        else:
            yield from _find_ids(item, f"{within} item {number}")
        if window.peek() != ",":
            window.take("]")
            return
        window.take(",")


def _read_object(window: _Window, within: str, place: str) -> Iterator[PlacedId]:
    """Yield the ids of the object that begins here; one that is large is read member by member."""
    document = window.read_small_value()
    if document is not _LARGE:
        _check_single(document, place)
        items = document.get(_ITEMS)
        if type(items) is list and _ID not in document:
            for number, item in enumerate(items, start=1):
                yield from _find_ids(item, f"{within} item {number}")
        else:
            yield from _find_ids(document, place)
        return
    members: dict[str, Any] = {}
    has_items = False
    window.take("{")
    while True:
        if window.peek() != '"':
            raise window.refuse()
        key = window.read_value()
        window.peek()
        window.take(":")
        if has_items and key == _ITEMS:
            raise refuse(place, f"has {_ITEMS} twice", _GIVE_ONE)
        if key == _ITEMS and _ID not in members and window.peek() == "[":
            yield from _read_array(window, within)
            has_items = True
        else:
            value = window.read_value()
            is_kept = type(value) is str or key == _CALL
            is_id = key == _CALL or is_call_id_name(key)
            if is_kept and members.setdefault(key, value) != value and is_id:
                raise refuse(place, f"has {key} twice", _GIVE_ONE)
        if window.peek() != ",":
            window.take("}")
            break
        window.take(",")
    if not has_items or _ID in members:
        yield from _find_ids(members, place)


def _find_ids(item: Any, place: str) -> Iterator[PlacedId]:
    """Yield the id of a text, a call or a webhook's body, or those of a list answer within an array.

    What a payload holds is never in an error: MalformedId shows numbers and the like, and UsageError nothing.
    """
    if isinstance(item, str):
        yield PlacedId(item, place)
    elif isinstance(item, dict):
        _check_single(item, place)
        if _ID not in item and isinstance(item.get(_ITEMS), list):
            for number, within in enumerate(item[_ITEMS], start=1):
                yield from _find_ids(within, f"{place} item {number}")
            return
        found = _find_member(item, place)
        if isinstance(found, dict | list):
            raise refuse(place, f"has a {_ID} that is no text", "correct it")
        if not isinstance(found, str):
            raise MalformedId(json.dumps(found), place)
        yield PlacedId(found, place)
    elif isinstance(item, list):
        raise refuse(place, "is an array within an array", "put its ids into the outer one")
    else:
        # As text, a number or null could pass for an id.
        raise MalformedId(json.dumps(item), place)


def _check_single(item: dict[str, Any], place: str) -> None:
    """Raise UsageError where a name of ids is in the object twice, with different values."""
    if isinstance(item, _Doubled):
        raise refuse(place, f"has {item.name} twice", _GIVE_ONE)


def _find_member(item: dict[str, Any], place: str) -> Any:
    """Return what stands under the name of an id, in the object itself or in its `call`."""
    objects = [each for each in (item, item.get(_CALL)) if isinstance(each, dict)]
    for each in objects:
        _check_single(each, place)
    ids = [each[_ID] for each in objects if _ID in each]
    if any(each != ids[0] for each in ids[1:]):
        raise refuse(place, f"has two call ids, its own and that of its {_CALL}", _GIVE_ONE)
    if ids:
        return ids[0]
    for each in objects:
        names = list(each)
        # The `id` of an object may be that of an event or of a contact, so it does not count.
        index = find_id_name(names, place, with_plain_id=False)
        if index is not None:
            return each[names[index]]
    raise refuse(place, f"is an object without {_ID}, {_CALL} or {_ITEMS}", "correct or remove it")


class _Window:
    """A part of a JSON text that moves on as values are read from it."""

    def __init__(self, pieces: Iterator[str], name: str, first: int) -> None:
        self._pieces = pieces
        self._name = name
        self._text = ""
        self._at = 0
        self._is_last = False
        # The line of the character at `_counted`.
        self._line = first
        self._counted = 0

    def count_lines(self) -> int:
        """Return the number of the line on which the next character stands."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """Return the next character that is no blank, or nothing at the end of the text."""
        following = self._text[self._at : self._at + 1]
        while following in _BLANK:
            found = _BLANKS.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at == len(self._text) and not self._move_on():
                return ""
            following = self._text[self._at : self._at + 1]
        return following

    def take(self, mark: str) -> None:
        """Go over this character; raises UsageError when another one is next."""
        if not self._text.startswith(mark, self._at):
            raise self.refuse()
        self._at += 1

    def read_value(self) -> Any:
        """Return the JSON value that is next; raises UsageError when there is none, or it is far too long."""
        value = self._read_value(LONGEST_TEXT)
        if value is _LARGE:
            raise refuse(self._place(), "has a JSON value that is too long", "give an array of ids")
        return value

    def read_small_value(self) -> Any:
        """Return the JSON value that is next, or `_LARGE` when it is so long that it is read in parts."""
        return self._read_value(_WINDOW)

    def refuse(self) -> UsageError:
        """Return the error for what is not JSON at the next character."""
        if self.peek() == "":
            return refuse(self._place(), "ends in the middle of its JSON", "save it again as a whole")
        return refuse(self._place(), "is not readable JSON", "correct it, or give one id a line")

    def _place(self) -> str:
        return f"{self._name} line {self.count_lines()}"

    def _read_value(self, longest: int) -> Any:
        if self.peek() == "":
            raise self.refuse()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as broken:
                if not self._is_cut(broken):
                    self._at = broken.pos
                    raise self.refuse() from None
            except RecursionError:
                raise refuse(self._place(), "is nested too deep", "give an array of ids") from None
            except ValueError:
                # Python reads no integer of more than 4,300 digits.
                raise self.refuse() from None
            else:
                # A number may go on behind what was read so far, even behind an `e+` that is no number yet.
                if self._is_last or end + 2 < len(self._text):
                    self._at = end
                    return value
            if len(self._text) - self._at > longest:
                return _LARGE
            self._move_on()

    def _is_cut(self, broken: json.JSONDecodeError) -> bool:
        """Return whether a value is broken only because its text goes on in the next piece."""
        is_at_end = broken.pos >= len(self._text) - _LONGEST_TOKEN
        return not self._is_last and (is_at_end or broken.msg.startswith("Unterminated string"))

    def _move_on(self) -> bool:
        """Read on, so that what is not used up at least doubles; return whether there was anything."""
        self.count_lines()
        rest = self._text[self._at :]
        parts = [rest]
        wanted = max(len(rest), 1)
        for piece in self._pieces:
            parts.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        else:
            self._is_last = True
        self._text = "".join(parts)
        self._at = self._counted = 0
        return len(self._text) > len(rest)
