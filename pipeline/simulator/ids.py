"""Call ids that carry their index: they look random, and decode without a list of what was issued.

Invariant: an id depends on the seed and the index alone, and only an id this codec issued decodes.
"""

from hashlib import blake2b
from math import gcd
from random import Random

from .chance import stream

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
LENGTH = 32
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_SPACE = 62**LENGTH
_TAG_BYTES = 18
_TAG_SPACE = 1 << (8 * _TAG_BYTES)
MAX_INDEX = _SPACE // _TAG_SPACE - 1


class CallIds:
    """The two-way mapping between indices and ids of one seed."""

    def __init__(self, seed: int) -> None:
        rng = stream(seed, "ids")
        self._key = rng.randbytes(32)
        self._factor = rng.randrange(_SPACE) | 1
        while gcd(self._factor, _SPACE) != 1:
            self._factor += 2
        self._inverse = pow(self._factor, -1, _SPACE)
        self._shift = rng.randrange(_SPACE)

    def encode(self, index: int) -> str:
        """Return the id of an index."""
        # The tag sits in the low digits: it makes neighbours differ in all 32 characters once multiplied.
        number = index * _TAG_SPACE + self._tag(index)
        return _spell((number * self._factor + self._shift) % _SPACE)

    def decode(self, call_id: str) -> int | None:
        """Return the index of an id, or None when this codec never issued it."""
        if len(call_id) != LENGTH:
            return None
        number = 0
        for character in call_id:
            value = _VALUES.get(character)
            if value is None:
                return None
            number = number * 62 + value
        index, tag = divmod((number - self._shift) * self._inverse % _SPACE, _TAG_SPACE)
        return index if tag == self._tag(index) else None

    def _tag(self, index: int) -> int:
        digest = blake2b(index.to_bytes(8, "big"), digest_size=_TAG_BYTES, key=self._key).digest()
        return int.from_bytes(digest, "big")


def random_id(rng: Random) -> str:
    """Return 32 characters that stand for nothing: agent ids, and call ids nobody issued."""
    return _spell(rng.randrange(_SPACE))


def _spell(number: int) -> str:
    characters = []
    for _ in range(LENGTH):
        number, value = divmod(number, 62)
        characters.append(ALPHABET[value])
    return "".join(reversed(characters))
