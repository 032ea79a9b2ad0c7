"""Tells whether two payloads of a call say the same in the part that listings have too: all but transcripts.

Invariant: neither the order of fields, nor a null in the place of an absent field, nor a signature that every
answer makes anew is a difference.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

from pipeline.payload.opted_out import is_not_returned, is_opted_out

_URL = "_url"
_TRANSCRIPT = "transcript"
_SECRET = "access_token"  # noqa: S105  the name of a field
_LENGTH = 16


def hash_listed_part(document: dict[str, Any]) -> str:
    """Return a hash of what a payload says outside of its transcripts, in 16 hexadecimal digits."""
    opted_out = is_opted_out(document)
    part = {
        name: _without_query(value) if name.endswith(_URL) else value
        for name, value in document.items()
        if value is not None
        and _TRANSCRIPT not in name
        and name != _SECRET
        # Kept from an event: a listing never has it.
        and not (opted_out and is_not_returned(name))
    }
    try:
        text = orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # It holds half of a surrogate pair, or an integer of more than 64 bits.
        text = json.dumps(part, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:_LENGTH]


def _without_query(value: Any) -> Any:
    return value.split("?", 1)[0] if isinstance(value, str) else value
