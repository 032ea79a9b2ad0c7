"""Tells whether two bodies are the same but for their secrets, and for how their JSON was written.

A body that is asked for again brings a new token and newly signed URLs, and the order of its fields may
differ: that makes no new body.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import orjson

from pipeline.payload.fast_parse import ParsedBody
from pipeline.payload.redact import redact

_LENGTH = 16


def hash_body(body: bytes, parsed: ParsedBody | None = None) -> str:
    """Return a hash of a body, 16 hexadecimal digits; `parsed` where it is sound JSON."""
    clean = redact(body, parsed)
    # Blanks and the order of fields are those of the answer. What cannot be read is compared byte by byte.
    with suppress(orjson.JSONEncodeError, ValueError, RecursionError):
        clean = orjson.dumps(orjson.loads(clean), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(clean).hexdigest()[:_LENGTH]
