"""Puts turns into the order of time, since a transcript lists them as they were recognised.

Invariant: a turn has a key, made of its call and its place or number, which sorts as these do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Times are whole microseconds within eleven days.
TIME_BITS = 40
_TURN_BITS = 32
_TURN_MASK = (1 << _TURN_BITS) - 1


def make_turn_key(call: NDArray[Any], turn: NDArray[Any]) -> Integers:
    """Return the keys of turns, each given by its call and its place, or number, in it."""
    key: Integers = call.astype(np.int64) << _TURN_BITS | turn
    return key


def find_starts(groups: Integers) -> Integers:
    """Return where each stretch of equal numbers begins."""
    return np.flatnonzero(np.diff(groups, prepend=-1))


class TurnOrder(NamedTuple):
    """A number for each turn that is in the order of time, and in use instead of its place in the transcript.

    `listed` are their keys in the order of the transcript, `numbers` the number of each. Both are empty where
    every transcript is in that order already: then a turn's place is its number.
    """

    listed: Integers
    numbers: Integers
    # The other way round: the keys that numbers make, sorted, and the place of each.
    numbered: Integers
    places: Integers

    @classmethod
    def of(cls, call: NDArray[Any], turn: NDArray[Any], start: Integers) -> TurnOrder:
        """Return the order of turns, given by their words, which are sorted by call and turn."""
        keys = make_turn_key(call, turn)
        begins = find_starts(keys)
        nothing = np.empty(0, np.int64)
        if not len(begins):
            return cls(nothing, nothing, nothing, nothing)
        listed = keys[begins]
        calls = listed >> _TURN_BITS
        starts = (calls << TIME_BITS) + np.minimum.reduceat(start, begins)
        if np.all(starts[1:] >= starts[:-1]):
            return cls(nothing, nothing, nothing, nothing)
        order = np.argsort(starts, kind="stable")
        numbers = np.empty_like(listed)
        numbers[order] = np.arange(len(order)) - np.searchsorted(calls, calls)
        numbered = (calls << _TURN_BITS | numbers)[order]
        return cls(listed, numbers, numbered, (listed & _TURN_MASK)[order])

    def number(self, call: NDArray[Any], turn: NDArray[Any]) -> NDArray[Any]:
        """Return the number of each turn, given by call and place."""
        if not len(self.listed):
            return turn
        return self.numbers[np.searchsorted(self.listed, make_turn_key(call, turn))]

    def number_keys(self, keys: Integers) -> Integers:
        """Return the keys of turns with their numbers; of those without a timed word nobody asks."""
        if not len(self.listed):
            return keys
        known = keys[np.isin(keys, self.listed)]
        return make_turn_key(known >> _TURN_BITS, self.number(known >> _TURN_BITS, known & _TURN_MASK))

    def list_places(self, call: NDArray[Any], number: NDArray[Any]) -> NDArray[Any]:
        """Return the place in the transcript of each turn, given by call and number."""
        if not len(self.listed):
            return number
        return self.places[np.searchsorted(self.numbered, make_turn_key(call, number))]
