"""What an account lists at one moment: the calls of its book and its entries, in one order.

Invariant: everything that is listed has one place, and walking from a place never gives what is before it.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge

from .book import CallBook
from .calls import LONGEST_MS
from .entries import Entry, Place
from .items import Items
from .rules import ListingRules
from .timeline import Timeline

# A call of the book by its index, or an entry.
Listed = int | Entry


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account at one moment: the calls of the book that are not hidden, and the entries by place."""

    book: CallBook
    items: Items
    hidden: frozenset[int]
    entries: tuple[Entry, ...]
    by_id: Mapping[str, Entry]
    rules: ListingRules


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which of the listed calls are asked for; every part must hold."""

    # With both bounds in it; None when calls without a start are wanted too.
    starts: tuple[float, float] | None = None
    ids: frozenset[str] | None = None
    # Whether calls without a start come although the rules omit them.
    finds_startless: bool = False
    tests: tuple[Callable[[Listed], bool], ...] = ()


class Catalogue:
    """The listed calls of a snapshot; ``timeline`` is that of its book, dated in full."""

    def __init__(self, account: Snapshot, timeline: Timeline) -> None:
        self._account = account
        self._timeline = timeline

    def walk(self, criteria: Criteria, descending: bool, after: Place | None = None) -> Iterator[Listed]:
        """Yield what is asked for, behind a place, in order."""
        kinds = self._kinds(criteria, descending)
        if after is not None and after.started in kinds:
            kinds = kinds[kinds.index(after.started) :]
        for started in kinds:
            behind = after if after and after.started == started else None
            if criteria.ids is not None:
                ordered = self._find(criteria, started, descending, behind)
            else:
                ordered = self._merge(criteria, started, descending, behind)
            tests = criteria.tests
            yield from (each for each in ordered if all(test(each) for test in tests)) if tests else ordered

    def place(self, listed: Listed) -> Place:
        """Return where something stands."""
        return self._timeline.place(listed) if isinstance(listed, int) else listed.place

    def item(self, listed: Listed) -> bytes:
        """Return what a page tells of something."""
        if isinstance(listed, int):
            return self._account.items.read(self._account.book, listed)
        return listed.body

    def read(self, listed: Listed, name: str) -> object:
        """Return the field that a filter looks at."""
        if isinstance(listed, Entry):
            return listed.read(name)
        if name == "call_status":
            return self._timeline.call_status(listed)
        return self._timeline.agent_id(listed) if name == "agent_id" else self._timeline.reason(listed)

    def start_ms(self, listed: Listed) -> float | None:
        """Return when something started, or None when it has no start."""
        if isinstance(listed, int):
            return self._timeline.start_ms(listed)
        return listed.place.moment if listed.place.started else None

    def end_ms(self, listed: Listed) -> float | None:
        """Return when something ended, or None when it has no end."""
        if isinstance(listed, int):
            end_ms: float | None = json.loads(self.item(listed)).get("end_timestamp")
            return end_ms
        return listed.read_moment("end_timestamp")

    def may_end_within(self, listed: Listed, low: float, high: float) -> bool:
        """Return whether a look at the end is worth its price: making a call of the book to see it."""
        if isinstance(listed, Entry):
            return True
        # Of calls without a start some have an end, which comes after the moment they were due.
        return low - LONGEST_MS <= self._timeline.place(listed).moment <= high

    def _kinds(self, criteria: Criteria, descending: bool) -> list[bool]:
        """Return whether calls with a start come, and those without, in order."""
        startless = self._account.rules.startless
        if criteria.starts is not None or (startless == "omitted" and not criteria.finds_startless):
            return [True]
        return [startless == "last", startless != "last"][:: 1 if descending else -1]

    def _find(
        self, criteria: Criteria, started: bool, descending: bool, behind: Place | None
    ) -> Iterator[Listed]:
        """Yield what has one of the ids; it is looked up, so that short filters of long books are quick."""
        found: list[Listed] = []
        for call_id in criteria.ids or ():
            entry = self._account.by_id.get(call_id)
            index = None if entry else self._account.book.index(call_id)
            if entry is not None:
                found.append(entry)
            elif index is not None and index not in self._account.hidden and self._timeline.is_listed(index):
                found.append(index)
        found += (
            entry
            for entry in self._account.entries
            if entry.is_odd and entry.read("call_id") in (criteria.ids or ())
        )
        for place, listed in sorted(
            ((self.place(listed), listed) for listed in found), key=lambda pair: pair[0], reverse=descending
        ):
            low, high = criteria.starts or (float("-inf"), float("inf"))
            is_behind = behind is None or (place < behind if descending else place > behind)
            if place.started == started and is_behind and (not started or low <= place.moment <= high):
                yield listed

    def _merge(
        self, criteria: Criteria, started: bool, descending: bool, behind: Place | None
    ) -> Iterator[Listed]:
        hidden = self._account.hidden
        positions = self._positions(criteria, started, descending, behind)
        indices: Iterable[int] = map(self._timeline.index, reversed(positions) if descending else positions)
        if hidden:
            indices = (index for index in indices if index not in hidden)
        entries = self._entries(criteria, started, descending, behind)
        if not entries:
            return iter(indices)
        return merge(indices, entries, key=self.place, reverse=descending)

    def _positions(self, criteria: Criteria, started: bool, descending: bool, behind: Place | None) -> range:
        timeline = self._timeline
        first, beyond = (0, timeline.started) if started else (timeline.started, len(timeline))
        if criteria.starts is not None:
            first = timeline.first_from(criteria.starts[0])
            beyond = timeline.first_after(criteria.starts[1])
        if behind is not None and descending:
            beyond = min(beyond, timeline.first_at(behind))
        elif behind is not None:
            first = max(first, timeline.first_at(behind._replace(tie=f"{behind.tie}\0")))
        return range(first, beyond)

    def _entries(
        self, criteria: Criteria, started: bool, descending: bool, behind: Place | None
    ) -> list[Entry]:
        entries = self._account.entries
        low, high = (Place(started, -_FAR, ""), Place(started, _FAR, ""))
        first, beyond = (bisect_left(entries, bound, key=_place) for bound in (low, high))
        if criteria.starts is not None:
            first = bisect_left(entries, (True, criteria.starts[0]), key=_moment)
            beyond = bisect_right(entries, (True, criteria.starts[1]), key=_moment)
        if behind is not None and descending:
            beyond = min(beyond, bisect_left(entries, behind, key=_place))
        elif behind is not None:
            first = max(first, bisect_right(entries, behind, key=_place))
        return list(entries[first:beyond][:: -1 if descending else 1])


# Further than any moment that an entry can have.
_FAR = 10**400


def _place(entry: Entry) -> Place:
    return entry.place


def _moment(entry: Entry) -> tuple[bool, int]:
    return entry.place[:2]
