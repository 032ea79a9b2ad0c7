"""Writes JSON documents that carry a checksum of themselves, so that no changed bit goes unnoticed.

The checksum is the last member of the document and covers every byte before it. Invariant: what
`read_checked` returns is what `write_checked` wrote, or where that is asked for a document of an earlier
version, which has neither a checksum nor a format.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

FORMAT = 2
"""What documents with a checksum say of themselves; those of earlier versions say nothing."""

BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a document raises, and using what it says, where it is damaged or none."""

_KEY = b',"checksum":"'
_END = b'"}\n'
_TAIL_LENGTH = len(_KEY) + 64 + len(_END)


def write_checked(document: dict[str, Any]) -> bytes:
    """Return a document as one line of JSON with its format and its checksum."""
    facts = {"format": FORMAT} | document
    try:
        content = orjson.dumps(facts)
    except orjson.JSONEncodeError:
        # A text may hold half of a surrogate pair.
        content = json.dumps(facts, separators=(",", ":")).encode()
    covered = content[:-1]
    return covered + _KEY + hashlib.sha256(covered).hexdigest().encode() + _END


def read_checked(content: bytes, *, or_earlier: bool = False) -> dict[str, Any]:
    """Read what `write_checked` has written, or a document of a version before there were checksums.

    Raises ValueError or RecursionError for anything else: a damaged document, or no JSON object.
    """
    covered, tail = content[:-_TAIL_LENGTH], content[-_TAIL_LENGTH:]
    is_checked = tail.startswith(_KEY) and tail.endswith(_END)
    if is_checked:
        said = tail[len(_KEY) : -len(_END)]
        if said != hashlib.sha256(covered).hexdigest().encode():
            raise ValueError("the checksum is not that of the document")
    # What earlier versions wrote, and a text with half of a surrogate pair, is for the slower reader alone.
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("no JSON object")
    if not is_checked and (not or_earlier or "format" in document or "checksum" in document):
        raise ValueError("the checksum is damaged")
    return document


def has_checksum(document: dict[str, Any]) -> bool:
    """Return whether a document that was read carries a checksum: those of earlier versions have none."""
    return "checksum" in document
