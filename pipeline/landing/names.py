"""How the files of landing are named: which names are those of chunks, and what belongs to which."""

from __future__ import annotations

import re

PAYLOADS = ".ndjson.zst"
MANIFEST = ".json"

# A run that lands more than a million chunks has more digits.
_CHUNK = re.compile(r"(?P<chunk_id>.+-[0-9]{6,})(?P<ending>\.json|\.ndjson\.zst)", re.DOTALL)


def read_chunk_name(name: str) -> tuple[str, str] | None:
    """Return the chunk id and the ending of a file of a chunk; None for any other name."""
    matched = _CHUNK.fullmatch(name)
    return None if matched is None else (matched["chunk_id"], matched["ending"])
