"""Seeded chance that depends on what is drawn for, never on what was drawn before.

Invariant: what a seed and its parts give is the same in every process and in every order of use.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from random import Random
from typing import TypeVar

T = TypeVar("T")


def digest(seed: int, *parts: str | int) -> int:
    """Return 128 bits that stand for this seed and these parts."""
    return int.from_bytes(blake2b(repr((seed, *parts)).encode(), digest_size=16).digest(), "big")


def stream(seed: int, *parts: str | int) -> Random:
    """Return a generator of its own for these parts."""
    return Random(digest(seed, *parts))


def choose(rng: Random, options: Sequence[T]) -> T:
    """Pick one option; half the price of ``random.choice``, which a dialogue calls some hundred times."""
    return options[int(rng.random() * len(options))]


def choose_weighted(rng: Random, options: Sequence[tuple[T, float]]) -> T:
    """Pick one option by weight; the weights need not add up to one."""
    left = rng.random() * sum(weight for _, weight in options)
    for option, weight in options:
        left -= weight
        if left < 0:
            return option
    return options[-1][0]


def deal(seed: int, label: str, index: int, deck: tuple[str, ...]) -> str:
    """Return card ``index`` of an endless row of shuffled decks: random, and yet no card stays out."""
    block, position = divmod(index, len(deck))
    return _shuffle(seed, label, block, deck)[position]


@lru_cache(maxsize=128)
def _shuffle(seed: int, label: str, block: int, deck: tuple[str, ...]) -> tuple[str, ...]:
    cards = list(deck)
    stream(seed, label, block).shuffle(cards)
    return tuple(cards)


def ordinal(seed: int, label: str, index: int, share: float) -> int | None:
    """Return the rank of ``index`` among the chosen ones, or None when it is not chosen.

    The row of indices is cut into strata of ``1 / share`` and one of each is chosen, so the share holds for
    small counts too and the rank is known without looking at any other index.
    """
    if share <= 0:
        return None
    rank = int(index * share)
    while ceil(rank / share) > index:
        rank -= 1
    while ceil((rank + 1) / share) <= index:
        rank += 1
    first, beyond = ceil(rank / share), ceil((rank + 1) / share)
    return rank if first + digest(seed, label, rank) % (beyond - first) == index else None
