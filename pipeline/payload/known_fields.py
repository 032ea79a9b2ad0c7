"""Tells what the load need not look for in a payload, because validation has seen that it is not there.

Invariant: where speech is plain, neither `turn_rest` nor a name that nobody knows is to be found in a turn;
where a payload is plain, the load can name its fields beforehand. In doubt it says no, and the load looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pipeline import sql

_METADATA = frozenset({"response_id", "interrupt_id", "is_backchannel"})
# What validation takes out of a payload before it is landed.
_NOT_LANDED = frozenset({"access_token"})
_LITERAL = re.compile(r"'([a-z0-9_]+)'")


def has_plain_speech(document: dict[str, Any]) -> bool:
    """Tell it of an accepted payload; an outline of one, without its plain words, will do."""
    woven = document.get("transcript_with_tool_calls") or document.get("scrubbed_transcript_with_tool_calls")
    items = woven if isinstance(woven, list) else ()
    # Woven items are judged by nothing else: any JSON may stand where a role or words should.
    return _are_plain(document.get("transcript_object") or ()) and _are_plain(
        item for item in items if isinstance(item, dict) and item.get("role") in _speakers()
    )


def is_plain(document: dict[str, Any]) -> bool:
    """Tell of an accepted payload with plain speech whether all of it is plain.

    Then each of its fields is one that the API is known to send, and its turns, if it has any, are in
    transcript_object. A null where no column is counts as odd, since it is to be kept.
    """
    woven = document.get("transcript_with_tool_calls")
    if not woven and document.get("scrubbed_transcript_with_tool_calls"):
        return False
    if woven and not document.get("transcript_object"):
        return False
    without_column = document.keys() - _kept_in("call") - _NOT_LANDED
    return _named("extra_in_call").issuperset(without_column) and all(
        document[name] is not None for name in without_column
    )


def _are_plain(turns: Iterable[dict[str, Any]]) -> bool:
    in_turn, in_word = _kept_in("turn"), _kept_in("word")
    for turn in turns:
        words, metadata = turn.get("words"), turn.get("metadata")
        if not _has_only(in_turn, turn):
            return False
        if words and not (isinstance(words, list) and all(_has_only(in_word, word) for word in words)):
            return False
        if metadata is not None and not _has_only(_METADATA, metadata):
            return False
    return True


def _has_only(names: frozenset[str], node: Any) -> bool:
    return isinstance(node, dict) and names.issuperset(node)


def _kept_in(what: str) -> frozenset[str]:
    """Return the names of the fields that the load has a column for."""
    return _named(f"kept_in_{what}")


@cache
def _speakers() -> tuple[str, ...]:
    """Return the roles whose woven items are turns; items of other roles are kept whole."""
    # No set, which would have to hash a role: that may be any JSON.
    return tuple(_named("speaker_roles"))


@cache
def _named(macro: str) -> frozenset[str]:
    return frozenset(_LITERAL.findall(sql.read(f"macros/payload/{macro}")))
