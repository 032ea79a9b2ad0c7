"""What is listed beside the calls of a book: payloads that a test gave, and items that are no sound calls.

Invariant: an entry never changes; a call that changes gets a new entry, so a page is made of one moment.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

Payload = dict[str, Any]


class Place(NamedTuple):
    """Where a call stands: those with a start by that, the others by when the account got to know them."""

    started: bool
    moment: int
    # Ties go by id.
    tie: str


class Anything:
    """The value of a field that is missing from an odd item, or of no use: it passes every filter."""


ANYTHING = Anything()


@dataclass(frozen=True)
class Entry:
    """One listed thing with its place; ``call_id`` is None for an item that only the listing knows."""

    place: Place
    item: Any
    call_id: str | None

    @property
    def is_odd(self) -> bool:
        """Whether no call stands behind it."""
        return self.call_id is None

    def read(self, name: str) -> object:
        """Return the field that a filter looks at."""
        value = self.item.get(name) if isinstance(self.item, dict) else None
        if self.is_odd and not isinstance(value, str):
            return ANYTHING
        return value

    def read_moment(self, name: str) -> int | float | None:
        """Return a field that is a moment, or None where it is none."""
        value = self.item.get(name) if isinstance(self.item, dict) else None
        return value if is_number(value) else None

    @cached_property
    def body(self) -> bytes:
        """The item as it stands in a page: without transcripts, if it is a call."""
        if isinstance(self.item, bytes):
            return self.item
        return encode_any(self.item if self.is_odd else drop_transcripts(self.item))


def make_place(payload: object, call_id: str, created: int, start_ms: int | None = None) -> Place:
    """Return the place of a payload; ``start_ms`` stands in for a start that it does not have."""
    start: Any = payload.get("start_timestamp") if isinstance(payload, dict) else None
    if start_ms is None and is_number(start) and float("-inf") < start < float("inf"):
        start_ms = int(start)
    return Place(False, created, call_id) if start_ms is None else Place(True, start_ms, call_id)


def drop_transcripts(payload: Payload) -> Payload:
    """Return what a listing tells of a call: everything but what was said."""
    return {name: value for name, value in payload.items() if "transcript" not in name}


def encode_any(value: object) -> bytes:
    """Return a value as JSON, with what UTF-8 cannot hold written as an escape."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
