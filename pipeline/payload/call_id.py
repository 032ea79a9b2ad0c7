"""Says what a call id looks like, in one place.

Invariant: text that passes can stand in a URL path or a file name without quoting and cannot lead out of it,
so a hostile id such as ``../../delete-agent`` never carries the key to another endpoint.
"""

from __future__ import annotations

import re

# No "." at all, so neither "." nor ".." gets through; \Z because $ would let a trailing line break pass.
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")


def is_call_id(text: str) -> bool:
    """Return whether ``text`` is 1 to 128 of ``A-Z a-z 0-9 _ -`` and nothing else."""
    return _CALL_ID.match(text) is not None
