"""Keys of pages: how far a listing got and which page comes next, in text that a client cannot make up.

Invariant: a key needs nothing that a server remembers, so it is good after a restart and after calls changed.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from .entries import Place

_TAG_LENGTH = 16


class PageKeys:
    """Writes and reads the keys of one account."""

    def __init__(self, secret: int) -> None:
        self._secret = secret.to_bytes(16, "big")

    def encode(self, page: int, after: Place | None) -> str:
        """Return the key of a page, which begins behind a place or, without one, at the beginning."""
        said = json.dumps([page, after]).encode()
        return urlsafe_b64encode(self._tag(said).encode() + said).decode()

    def decode(self, key: str) -> tuple[int, Place | None] | None:
        """Return the page and the place it begins behind, or None for a key that was not issued."""
        try:
            whole = urlsafe_b64decode(key.encode("ascii"))
        except ValueError:
            return None
        tag, said = whole[:_TAG_LENGTH], whole[_TAG_LENGTH:]
        if tag != self._tag(said).encode():
            return None
        page, after = json.loads(said)
        return page, None if after is None else Place(*after)

    def _tag(self, said: bytes) -> str:
        return blake2b(said, digest_size=_TAG_LENGTH // 2, key=self._secret).hexdigest()
