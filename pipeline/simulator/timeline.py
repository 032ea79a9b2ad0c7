"""A whole book in the order of its calls' starts, in some twenty bytes a call.

Invariant: a position stands for one listed call; calls without a start come after all others, by the moment
they were due, and ties go by id.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from .book import CallBook, Outline
from .calls import LONGEST_MS
from .entries import Place
from .reasons import ALL_REASONS
from .schedule import to_ms

STATUSES = ("registered", "ongoing", "ended", "error", "not_connected")
# Later than any moment, so that calls without a start sort behind the others.
_NO_START = 2**63 - 1
_NO_REASON = 255
_REASON_CODES = {reason: code for code, reason in enumerate(ALL_REASONS)}
# Keeps the place of a call that has no position.
_UNLISTED = Outline("", STATUSES[0], None, None, 0)


class Timeline:
    """What a listing sorts and filters by, for every call that is registered at the book's ``as_of``."""

    def __init__(self, book: CallBook, before: "Timeline | None" = None) -> None:
        """Start with no call dated; ``before`` is that of the same book as it read at an earlier moment."""
        is_earlier = before is not None and before.book.as_of <= book.as_of
        self._before = before if is_earlier else None
        self.book: CallBook = book
        self._agent_ids = book.agent_ids
        # By index: starts in milliseconds, and codes that index the tuples of names.
        self._starts = array("q")
        self._statuses = bytearray()
        self._reasons = bytearray()
        self._agents = bytearray()
        self._listed = bytearray()
        # Few calls have no start, so a dictionary of these is smaller than an array of all.
        self._due: dict[int, int] = {}
        self._order = array("q")
        self._complete = False
        self.started = 0

    def date(self, calls: int) -> bool:
        """Go on with the next calls of the book; return whether that was all, and positions can be used."""
        if self._complete:
            return True
        for index in range(len(self._starts), min(len(self._starts) + calls, len(self.book))):
            outline = self._recall(index) or self.book.outline(index)
            seen = outline or _UNLISTED
            self._listed.append(outline is not None)
            if outline and outline.start_ms is None:
                self._due[index] = outline.due_ms
            self._starts.append(_NO_START if seen.start_ms is None else seen.start_ms)
            self._statuses.append(STATUSES.index(seen.call_status))
            self._reasons.append(_NO_REASON if seen.reason is None else _REASON_CODES[seen.reason])
            self._agents.append(self._agent_ids.index(seen.agent_id) if outline else 0)
        if len(self._starts) == len(self.book):
            self._sort()
            self._before = None
            self._complete = True
        return self._complete

    def __len__(self) -> int:
        """Return how many calls are listed."""
        return len(self._order)

    def index(self, position: int) -> int:
        """Return the index of the call at a position."""
        return self._order[position]

    def is_listed(self, index: int) -> bool:
        """Return whether a call has a position."""
        return bool(self._listed[index])

    def place(self, index: int) -> Place:
        """Return where a listed call stands."""
        due_ms = self._due.get(index)
        moment = self._starts[index] if due_ms is None else due_ms
        return Place(due_ms is None, moment, self.book.call_id(index))

    def first_at(self, place: Place) -> int:
        """Return the position of the first call at a place or behind it, among calls of its kind."""
        if place.started:
            low, high = 0, self.started
            position = bisect_left(self._order, place.moment, low, high, key=self._starts.__getitem__)
        else:
            low, high = self.started, len(self._order)
            position = bisect_left(self._order, place.moment, low, high, key=self._due.__getitem__)
        # Few calls share a moment.
        while position < high and self.place(self._order[position]) < place:
            position += 1
        return position

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

    def _recall(self, index: int) -> Outline | None:
        """Return the outline of a call that was over at the moment before: it stays."""
        before = self._before
        if before is None or index >= len(before._starts) or not before._listed[index]:
            return None
        start_ms = before.start_ms(index)
        due_ms = before._due[index] if start_ms is None else start_ms
        if due_ms >= to_ms(before.book.as_of) - LONGEST_MS:
            return None
        status, reason = before.call_status(index), before.reason(index)
        return Outline(before.agent_id(index), status, start_ms, reason, due_ms)

    def _sort(self) -> None:
        starts = self._starts
        ordered = sorted(
            (index for index in range(len(starts)) if self._listed[index]), key=starts.__getitem__
        )
        self.started = bisect_left(ordered, _NO_START, key=starts.__getitem__)
        startless = sorted(ordered[self.started :], key=self._due.__getitem__)
        self._order = array("q", self._break_ties(ordered[: self.started], starts.__getitem__))
        self._order.extend(self._break_ties(startless, self._due.__getitem__))

    def _break_ties(self, ordered: Iterable[int], moment: Callable[[int], int]) -> Iterator[int]:
        # Making every id for the sort would take most of its time; few calls share a moment.
        for _, tied in groupby(ordered, key=moment):
            group = list(tied)
            yield from sorted(group, key=self.book.call_id) if len(group) > 1 else group
