"""Reads a payload as JSON more strictly than ``json`` does, and writes it as one line of NDJSON.

Invariant: whatever `parse` accepts, DuckDB's ``read_json`` reads as the same document, without an error or a
crash. It segfaults on very deep nesting, refuses duplicate keys, lone surrogates and numbers beyond a double,
and reads NaN, so all of these are stopped before they are landed (measured on DuckDB 1.5).
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from itertools import accumulate
from typing import Any

import orjson

MAX_DEPTH = 256
"""Arrays and objects inside one another that are accepted; payloads of the API reach about 10."""

_VALUE_LIMIT = 200
_PATH_LIMIT = 500
_SAFE_DIGITS = 300
_BOM = b"\xef\xbb\xbf"

# What the depth depends on: +1 for an opening bracket, -1 (as a signed byte) for a closing one, and quotes.
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_DEPTH_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_STRING_WITH_BRACKETS = re.compile(rb'"[^"]*(?:"|\Z)')

_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# Reads escapes from the left, each with the character it escapes, so that `\\ud83d` (an escaped backslash
# before plain text) and whole pairs are passed over.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Malformed(ValueError):
    """A body that must not be landed as a payload; a value to be quarantined, rarely raised further.

    ``reason`` is a short phrase without payload text, ``path`` a JSON path (``$`` where it is not known),
    ``value`` at most 200 characters of the offender, which may be payload text and so is not in the message.
    ``is_syntax`` says that the body may have been cut on its way, so that asking again can help.
    """

    def __init__(
        self, reason: str, path: str = "$", value: str | None = None, is_syntax: bool = False
    ) -> None:
        self.reason = reason
        self.path = path[:_PATH_LIMIT]
        self.value = None if value is None else _SURROGATE.sub("\ufffd", value[:_VALUE_LIMIT])
        self.is_syntax = is_syntax
        super().__init__(f"{reason} at {self.path}")


UNSURE = object()
"""What `parse_fast` returns for a body that it leaves to `parse_strictly`."""
_KEY_END = b'":'
# How orjson writes floats from 1e16 on; an integer of more than 64 bits has become one.
_LARGE = b"e+"


class _Suspect(Exception):
    """Something is wrong somewhere: `_locate` finds out what and where."""


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs, duplicates included."""


class _Offence:
    """Stands in a tree for a number that cannot be landed."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text


def _refuse(_: str) -> Any:
    raise _Suspect


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _Suspect
    return document


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Suspect
    return number


def _int(text: str) -> int:
    # Fewer digits fit both a double and Python's own limit on the length of an integer (640 at the lowest).
    if len(text) > _SAFE_DIGITS:
        _float(text)
    return int(text)


def _number_or_offence(text: str) -> Any:
    return _Offence("number beyond a double", text) if math.isinf(float(text)) else None


# For what `parse_fast` leaves: a Python call for every object and number is seven times slower.
_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float, parse_int=_int
)
_LOCATING = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_constant=lambda text: _Offence("NaN and Infinity are not JSON", text),
    parse_float=_number_or_offence,
    parse_int=_number_or_offence,
)


def parse(body: bytes) -> Any:
    """Return the document in ``body``: UTF-8, with or without a byte order mark, any JSON value at the top.

    Raises `Malformed`, with ``is_syntax`` for a body that is empty, not UTF-8 or not JSON, and without it for
    sound syntax that cannot be landed: NaN, Infinity, a number beyond a double, a duplicate key, or nesting
    deeper than `MAX_DEPTH`.
    """
    document = parse_fast(body)
    return parse_strictly(body) if document is UNSURE else document


def parse_fast(body: bytes) -> Any:
    """Return the document of a body that is sound beyond doubt, else `UNSURE`: most are, and this is fast.

    orjson refuses what is not JSON in UTF-8, NaN, numbers beyond a double and lone surrogates, and does not
    write what lies deeper than 254. A body that is, byte for byte, what it writes has no duplicate key and no
    number that was changed. Otherwise: of duplicate keys only the last is left in the document, so a body
    that has some holds more of them than it does when it is written again: a key ends with a quote before a
    colon, and within strings such pairs stand in both, unless one of the two was spelled as an escape.
    """
    try:
        document = orjson.loads(body)
        again = orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return UNSURE
    if again == body:
        return document
    has_same_keys = body.count(_KEY_END) == again.count(_KEY_END)
    is_plainly_spelled = rb"\u00" not in body or (rb"\u002" not in body and rb"\u003" not in body)
    if has_same_keys and is_plainly_spelled and not _has_blank_before_colon(body) and _LARGE not in again:
        return document
    return UNSURE


def _has_blank_before_colon(body: bytes) -> bool:
    return any(blank + b":" in body for blank in (b" ", b"\t", b"\n", b"\r") if blank in body)


def parse_strictly(body: bytes) -> Any:
    """Do what `parse` does without trying `parse_fast` first."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}", is_syntax=True) from None
    if not text.strip(" \t\r\n"):
        raise Malformed("empty body", is_syntax=True)
    # Before the parser: it recurses, and how deep it can go differs between versions of Python.
    if exceeds_depth(body):
        raise Malformed(f"nested deeper than {MAX_DEPTH}")
    try:
        return _STRICT.decode(text)
    except _Suspect:
        raise _locate(text) from None
    except json.JSONDecodeError as error:
        raise _syntax(text, error) from None
    except RecursionError:
        raise Malformed("nested too deep for this interpreter") from None


def exceeds_depth(body: bytes, limit: int = MAX_DEPTH) -> bool:
    """Return whether arrays and objects lie deeper than ``limit``, in linear time and without recursion.

    Exact for JSON; for anything else it is exact up to the first syntax error, where a parser stops.
    """
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    # Without escapes every quote left opens or closes a string; neighbouring quotes can then go, whether they
    # are one string or the gap between two, because that changes for no bracket whether it is in a string.
    quoted = body.replace(rb"\\", b"").replace(rb"\"", b"")
    structure = quoted.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure:
        structure = _STRING_WITH_BRACKETS.sub(b"", structure)
    steps = memoryview(structure.translate(_DEPTH_STEPS)).cast("b")
    return max(accumulate(steps), default=0) > limit


def has_lone_surrogates(body: bytes) -> bool:
    """Return whether sound JSON holds an escape such as ``\\ud83d`` without its partner."""
    if not _MAYBE_SURROGATE.search(body):
        return False
    return any(match["lone"] for match in _ESCAPE.finditer(body))


def encode_document(document: Any) -> bytes:
    """Return a document as JSON; half of a surrogate pair stays an escape, which is left to `to_line`."""
    with suppress(orjson.JSONEncodeError):
        return orjson.dumps(document)
    # It holds such a half, an integer of more than 64 bits, or lies very deep.
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def to_line(body: bytes, document: Any = None, *, has_no_surrogates: bool = False) -> bytes:
    """Return a payload as one line for NDJSON, without its end; ``document`` is what `parse` made of it.

    ``has_no_surrogates`` says that it is known to hold no half of a surrogate pair.

    The bytes stay as they came, so that no number changes its digits, except line breaks between tokens and a
    byte order mark. Only a body with lone surrogates is written anew, each of them as U+FFFD, as DuckDB
    refuses them. Raises `Malformed` when two keys of one object become the same by that.
    """
    if has_no_surrogates or not has_lone_surrogates(body):
        # A raw line break is legal only between tokens: inside a string it is a syntax error.
        return body.removeprefix(_BOM).replace(b"\r", b" ").replace(b"\n", b" ").strip(b" \t")
    document = json.loads(body) if document is None else document
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    line = _SURROGATE.sub("\ufffd", text).encode("utf-8")
    parse(line)
    return line


def _syntax(text: str, error: json.JSONDecodeError) -> Malformed:
    # Where nothing of the body was JSON, its beginning tells best what it is: often a proxy's HTML page.
    value = text.strip()[:_VALUE_LIMIT] if not text[: error.pos].strip() else None
    return Malformed(f"not JSON: {error.msg} at character {error.pos}", value=value, is_syntax=True)


def _locate(text: str) -> Malformed:
    """Parse again, keeping what is wrong in the tree, and describe the first offence in document order."""
    try:
        tree = _LOCATING.decode(text)
    except json.JSONDecodeError as error:
        # Cut further on: asking again may help, so the syntax error is the one to tell.
        return _syntax(text, error)
    return _first_offence(tree, "$") or Malformed("not JSON that can be landed")


def _first_offence(node: Any, path: str) -> Malformed | None:
    """Walk in document order; recursion is bounded by `MAX_DEPTH`, which was checked before."""
    if isinstance(node, _Offence):
        return Malformed(node.reason, path, node.text)
    children: list[tuple[str, Any]] = []
    if isinstance(node, _Pairs):
        keys: set[str] = set()
        for key, value in node:
            child = f"{path}.{key}" if _PLAIN_KEY.match(key) else f"{path}[{json.dumps(key)}]"
            if key in keys:
                children.append((child, Malformed("duplicate key", child, key)))
                continue
            keys.add(key)
            children.append((child, value))
    elif isinstance(node, list):
        children = [(f"{path}[{index}]", value) for index, value in enumerate(node)]
    for child, value in children:
        found = value if isinstance(value, Malformed) else _first_offence(value, child)
        if found is not None:
            return found
    return None
