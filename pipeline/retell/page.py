"""Reads a page of the listing: its items one by one, so that an odd one keeps no other from being read.

Invariant: whatever stands in the list is an item of the page, as bytes that can be landed or kept, with the
id and the start that it says, where it says them soundly. Only a page whose frame is broken is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import orjson

from pipeline.payload.call_id import is_call_id
from pipeline.payload.fast_parse import ParsedBody, parse_whole
from pipeline.payload.strict_json import Malformed, parse

_LAST_MS = 253_402_300_799_999  # the end of the year 9999, the last a datetime can hold
# What the structure of JSON is read from: texts as a whole, brackets, and commas.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},]', re.DOTALL)
_ITEMS = re.compile(rb"\s*:\s*\[")


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One item of a page: all of a call but its transcripts.

    ``call_id`` is None where there is no sound one, ``start_ms`` where there is no start, ``parsed`` where
    the item is no sound JSON.
    """

    body: bytes = field(repr=False)
    call_id: str | None = None
    start_ms: int | None = field(default=None, repr=False)
    parsed: ParsedBody | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Items in the order asked for; ``pagination_key`` asks for the next page, if it ``has_more``."""

    items: list[ListedItem] = field(repr=False)
    has_more: bool
    pagination_key: str | None = field(repr=False)

    @property
    def call_ids(self) -> list[str]:
        """The ids of all items that have a sound one."""
        return [item.call_id for item in self.items if item.call_id is not None]


_UNREAD = object()


def read_page(body: bytes, document: Any = _UNREAD) -> Page:
    """Return the page that a body is; ``document`` is what it holds, where all of it is sound.

    Raises `Malformed`, without the value, where it is no page.
    """
    if document is _UNREAD:
        frame, raw_items = _split(body)
        return _read_frame(parse(frame), [_read_raw(raw) for raw in raw_items])
    if not isinstance(document, dict):
        raise Malformed("not an object")
    items = document.get("items")
    if not isinstance(items, list):
        raise Malformed("not a list", "$.items")
    return _read_frame(document, [_read_item(item) for item in items])


def _read_frame(document: Any, items: list[ListedItem]) -> Page:
    if not isinstance(document, dict):
        raise Malformed("not an object")
    has_more, key = document.get("has_more"), document.get("pagination_key")
    if not isinstance(has_more, bool):
        raise Malformed("neither true nor false", "$.has_more")
    if not isinstance(key, str | None):
        raise Malformed("not a string", "$.pagination_key")
    return Page(items, has_more, key or None)


def _read_item(item: Any) -> ListedItem:
    try:
        body = orjson.dumps(item)
        parsed = ParsedBody(body, item, has_no_surrogates=True)
    except orjson.JSONEncodeError:
        # It holds half of a surrogate pair, or an integer of more than 64 bits.
        body = json.dumps(item).encode()
        parsed = ParsedBody(body, item)
    return ListedItem(body, *_read_id_and_start(item), parsed)


def _read_raw(raw: bytes) -> ListedItem:
    try:
        parsed = parse_whole(raw)
    except Malformed:
        # Whoever lands it finds the same, and says so. Its id may still be told.
        try:
            return ListedItem(raw, *_read_id_and_start(json.loads(raw)))
        except (ValueError, RecursionError):
            return ListedItem(raw)
    return ListedItem(raw, *_read_id_and_start(parsed.document), parsed)


def _read_id_and_start(item: Any) -> tuple[str | None, int | None]:
    if not isinstance(item, dict):
        return None, None
    call_id, start = item.get("call_id"), item.get("start_timestamp")
    return (
        call_id if isinstance(call_id, str) and is_call_id(call_id) else None,
        int(start) if _is_whole(start) and 0 <= start <= _LAST_MS else None,
    )


def _is_whole(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _split(body: bytes) -> tuple[bytes, list[bytes]]:
    """Return a page without its items, and these, each as it came; it need not be sound JSON.

    Raises `Malformed` where no list of items is found.
    """
    depth = 0
    tokens = _TOKEN.finditer(body)
    for token in tokens:
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth == 1 and token[0] == b'"items"' and (opening := _ITEMS.match(body, token.end())):
            next(tokens)  # the bracket that opens the list
            items, end = [], opening.end()
            for begin, end in _find_elements(tokens, opening.end()):
                if raw := body[begin:end].strip():
                    items.append(raw)
            return body[: opening.end()] + body[end:], items
    raise Malformed("not a list", "$.items")


def _find_elements(tokens: Iterator[re.Match[bytes]], begin: int) -> Iterator[tuple[int, int]]:
    """Yield where each element of a list begins and ends; the last one's end is that of the list."""
    depth = 0
    for token in tokens:
        mark = token[0]
        if depth == 0 and mark in b",]":
            yield begin, token.start()
            if mark == b"]":
                return
            begin = token.end()
        else:
            depth += (mark in b"[{") - (mark in b"]}")
    raise Malformed("not closed", "$.items", is_syntax=True)
