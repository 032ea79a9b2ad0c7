"""Tells what a payload holds that the load has no column for, while its document is at hand.

Invariant: where a shape says that there is nothing else, a reader that names the columns misses nothing. In
doubt it says that there may be something, and no text that could be a secret is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline import sql

_REMOVED = frozenset({"access_token"})
_LITERAL = re.compile(r"'([a-z0-9_]+)'")
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is in a payload, or in all of some, beyond columns.

    ``other_fields`` are the names at the top without a column, None where one of them is odd; with
    ``is_plain_speech`` no turn of `transcript_object` and no word of one has a field without a column.
    """

    other_fields: frozenset[str] | None = frozenset()
    is_plain_speech: bool = True

    def __or__(self, other: Shape) -> Shape:
        """Return the shape of what is in either."""
        fields = None
        if self.other_fields is not None and other.other_fields is not None:
            fields = self.other_fields | other.other_fields
        return Shape(fields, self.is_plain_speech and other.is_plain_speech)


def shape_of(document: dict[str, Any]) -> Shape:
    """Return the shape that an accepted payload has without its secrets; its outline will do."""
    others = document.keys() - _kept_in("call") - _REMOVED
    turns = document.get("transcript_object") or ()
    has_column = _kept_in("word").issuperset
    return Shape(
        frozenset(others) if all(map(_NAME.match, others)) else None,
        all(map(_kept_in("turn").issuperset, turns))
        and all(has_column(word) for turn in turns if turn.get("words") for word in turn["words"]),
    )


@cache
def _kept_in(what: str) -> frozenset[str]:
    """Return the names of the fields that the load has a column for."""
    return frozenset(_LITERAL.findall(sql.read(f"macros/kept_in_{what}")))
