"""Says which names of columns, and of members of a JSON object, mean the id of a call.

Invariant: of two names that mean it equally well none is chosen, so no wrong column is read in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.payload.call_id import is_call_id
from pipeline.runs.id_text import refuse

# The surest first: a CRM may have call ids of its own beside Retell's, and `id` may be that of a row.
_NAMES = ("retellcallid", "callid", "id")
_LONGEST_NAME = 40
_BETWEEN_WORDS = re.compile(r"[\s_\ufeff-]+")

_PREFIX = "call_"
_LONG = 20
_SHORTEST = 8
_DIGIT = re.compile(r"[0-9]")
_DIGIT_OR_UNDERSCORE = re.compile(r"[0-9_]")


def find_id_name(names: Sequence[str], place: str, *, with_plain_id: bool = True) -> int | None:
    """Return the index of the name that means the id of a call, or None.

    Case, blanks, ``_`` and ``-`` do not count. ``Retell Call ID`` goes before ``call_id``, and that before a
    plain ``id``, which counts only `with_plain_id`. Raises UsageError, with the place, when the best of them
    is there twice.
    """
    plain = [_simplify(name) for name in names]
    for meaning in _NAMES if with_plain_id else _NAMES[:-1]:
        if meaning in plain:
            index = plain.index(meaning)
            if meaning in plain[index + 1 :]:
                both = names[index].strip(), names[plain.index(meaning, index + 1)].strip()
                raise refuse(
                    place, f"has two call ids, named {both[0]!r} and {both[1]!r}", "leave one of them"
                )
            return index
    return None


def is_call_id_name(text: str) -> bool:
    """Return whether a text is the name of a column of call ids; a plain ``id`` is not sure enough."""
    return _simplify(text) in _NAMES[:-1]


def is_surely_an_id(text: str) -> bool:
    """Return whether a text can be nothing but a call id.

    Retell's have 32 characters, or ``call_`` and 27; a word of a text or the name of a column is shorter or
    has no digit.
    """
    has_form = len(text) >= _LONG or text.startswith(_PREFIX)
    return has_form and _DIGIT.search(text) is not None and is_call_id(text)


def is_probably_an_id(text: str, lengths: set[int]) -> bool:
    """Return whether a text looks like a call id in a file whose ids have these lengths."""
    if is_surely_an_id(text):
        return True
    is_as_long = len(text) >= _SHORTEST and len(text) in lengths
    return is_as_long and _DIGIT_OR_UNDERSCORE.search(text) is not None and is_call_id(text)


def _simplify(name: str) -> str:
    return _BETWEEN_WORDS.sub("", name).lower() if len(name) <= _LONGEST_NAME else ""
