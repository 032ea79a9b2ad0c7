"""Tells whether a body came from Retell: `x-retell-signature: v=<unix ms>,d=<hex>`.

d is the HMAC-SHA256, by an API key, of the raw body followed by v. Invariant: whatever is given in place of a
signature, the same work is done, and what was wrong cannot be told from how long that took.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

HEADER = "x-retell-signature"
WINDOW_MS = 5 * 60 * 1000
"""How far the time of a signature may be from now, either way."""

# More digits than the year 9999 needs are no time.
_SIGNATURE = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)
_NONE = "v=0,d=" + 64 * "0"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that is right: when it was made (ms since 1970), and by which of the keys."""

    at_ms: int
    key_number: int


def sign(body: bytes, key: str, at_ms: int) -> str:
    """Return the header for a body that is sent at a moment, in ms since 1970."""
    return f"v={at_ms},d={_digest(body, key, at_ms)}"


def verify(body: bytes, header: str | None, keys: Sequence[str], now_ms: int) -> Signed | None:
    """Return what a header says where it is right for a body; None for any other.

    It is right when one of the keys made it, within five minutes of now.
    """
    matched = _SIGNATURE.fullmatch(header or "")
    # Without a signature one is compared that nobody can have made.
    read = matched or _SIGNATURE.fullmatch(_NONE)
    assert read is not None
    at_ms, given = int(read[1]), read[2]
    found: int | None = None
    for number, key in enumerate(keys):
        if hmac.compare_digest(_digest(body, key, at_ms), given) and found is None:
            found = number
    if matched is None or found is None or abs(now_ms - at_ms) > WINDOW_MS:
        return None
    return Signed(at_ms, found)


def _digest(body: bytes, key: str, at_ms: int) -> str:
    made = hmac.new(key.encode(), body, hashlib.sha256)
    made.update(str(at_ms).encode())
    return made.hexdigest()
