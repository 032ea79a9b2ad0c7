"""Tells what the load need not look for in a payload, because validation has seen that it is not there.

Invariant: where speech is plain, neither `turn_rest` nor a name that nobody knows is to be found in a turn;
where a payload is plain, a read by known fields drops nothing of it. In doubt it says no, and the load looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.payload.contract import SPEAKERS
from pipeline.payload.fields import known_names, stored_names

# What validation takes out of a payload before it is landed.
_NOT_LANDED = frozenset({"access_token"})


def has_plain_speech(document: dict[str, Any]) -> bool:
    """Tell it of an accepted payload; a parsed body, without its simple words, will do."""
    woven = document.get("transcript_with_tool_calls") or document.get("scrubbed_transcript_with_tool_calls")
    items = woven if isinstance(woven, list) else ()
    # Woven items are judged by nothing else: any JSON may stand where a role or words should.
    return _are_plain(document.get("transcript_object") or ()) and _are_plain(
        item for item in items if isinstance(item, dict) and item.get("role") in SPEAKERS
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
    without_column = document.keys() - stored_names("call") - _NOT_LANDED
    return known_names("call").issuperset(without_column) and all(
        document[name] is not None for name in without_column
    )


def _are_plain(turns: Iterable[dict[str, Any]]) -> bool:
    in_turn, in_word, in_metadata = stored_names("turn"), stored_names("word"), known_names("turn_metadata")
    for turn in turns:
        words, metadata = turn.get("words"), turn.get("metadata")
        if not _has_only(in_turn, turn):
            return False
        if words and not (isinstance(words, list) and all(_has_only(in_word, word) for word in words)):
            return False
        if metadata is not None and not _has_only(in_metadata, metadata):
            return False
    return True


def _has_only(names: frozenset[str], node: Any) -> bool:
    return isinstance(node, dict) and names.issuperset(node)
