"""A whole book in the order of its calls' starts, in some twenty bytes a call.

Invariant: a position stands for one listed call; calls without a start come after all others, ties go by id.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import groupby

from .book import CallBook, Outline
from .reasons import ALL_REASONS

STATUSES = ("registered", "ongoing", "ended", "error", "not_connected")
# Later than any moment, so that calls without a start sort behind the others.
_NO_START = 2**63 - 1
_NO_REASON = 255
_REASON_CODES = {reason: code for code, reason in enumerate(ALL_REASONS)}
# Keeps the place of a call that has no position.
_UNLISTED = Outline("", STATUSES[0], None, None)


class Timeline:
    """What a listing sorts and filters by, for every call that is registered at the book's ``as_of``."""

    def __init__(self, book: CallBook) -> None:
        self._book = book
        self._agent_ids = book.agent_ids
        # By index: starts in milliseconds, and codes that index the tuples of names.
        self._starts = array("q")
        self._statuses = bytearray()
        self._reasons = bytearray()
        self._agents = bytearray()
        self._order = array("q")
        self._complete = False
        self.started = 0

    def date(self, calls: int) -> bool:
        """Go on with the next calls of the book; return whether that was all, and positions can be used."""
        if self._complete:
            return True
        for index in range(len(self._starts), min(len(self._starts) + calls, len(self._book))):
            outline = self._book.outline(index)
            if outline is not None:
                self._order.append(index)
            seen = outline or _UNLISTED
            self._starts.append(_NO_START if seen.start_ms is None else seen.start_ms)
            self._statuses.append(STATUSES.index(seen.call_status))
            self._reasons.append(_NO_REASON if seen.reason is None else _REASON_CODES[seen.reason])
            self._agents.append(self._agent_ids.index(seen.agent_id) if outline else 0)
        if len(self._starts) == len(self._book):
            self._order = array("q", _by_start_and_id(self._book, self._order, self._starts))
            self.started = bisect_left(self._order, _NO_START, key=self._starts.__getitem__)
            self._complete = True
        return self._complete

    def __len__(self) -> int:
        """Return how many calls are listed."""
        return len(self._order)

    def index(self, position: int) -> int:
        """Return the index of the call at a position."""
        return self._order[position]

    def position(self, index: int) -> int | None:
        """Return the position of a call, or None when it is not listed."""
        try:
            return self._order.index(index)
        except ValueError:
            return None

    def first_from(self, moment_ms: float) -> int:
        """Return the position of the first call that starts at a moment or later."""
        return bisect_left(self._order, moment_ms, hi=self.started, key=self._starts.__getitem__)

    def first_after(self, moment_ms: float) -> int:
        """Return the position of the first call that starts later than a moment."""
        return bisect_right(self._order, moment_ms, hi=self.started, key=self._starts.__getitem__)

    def start_ms(self, index: int) -> int | None:
        """Return when a call started, or None when it has no start."""
        start_ms = self._starts[index]
        return None if start_ms == _NO_START else start_ms

    def call_status(self, index: int) -> str:
        """Return the status of a call."""
        return STATUSES[self._statuses[index]]

    def reason(self, index: int) -> str | None:
        """Return why a call ended, or None while it has not."""
        code = self._reasons[index]
        return None if code == _NO_REASON else ALL_REASONS[code]

    def agent_id(self, index: int) -> str:
        """Return which agent handles a call."""
        return self._agent_ids[self._agents[index]]


def _by_start_and_id(book: CallBook, listed: "array[int]", starts: "array[int]") -> Iterator[int]:
    # Making every id for the sort would take most of its time; few calls share a start.
    for _, tied in groupby(sorted(listed, key=starts.__getitem__), key=starts.__getitem__):
        group = list(tied)
        yield from sorted(group, key=book.call_id) if len(group) > 1 else group
