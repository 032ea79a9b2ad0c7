"""``POST /v3/list-calls``: pages of calls without their transcripts, sorted by start.

Invariant: following the keys of a sound listing to its end gives every matching call once, and a page holds
no more payloads than it was asked for.

Calls without a start come last in ascending order and first in descending order. No filter on the start finds
them; one on ``call_status`` does, by the status their payload has: ``ended`` or ``error`` in API v1, and
``not_connected`` in a book made with that option. Items are the sound payloads, also of calls whose body is
served broken.
"""

import json
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Any, Never

from .book import CallBook
from .chance import digest
from .criteria import Refused, read_criteria
from .ids import CallIds
from .timeline import Timeline

# The same key for ever, no key although there is more, and one answer of 503 before all others.
LISTING_FAULTS = ("repeated_key", "missing_key", "unavailable_once")
MAX_LIMIT = 1000
_MAX_SKIP = 2**53
# Calls dated between two looks at whether the client is still there.
_STEP = 1000
_FIELDS = ("filter_criteria", "sort_order", "limit", "pagination_key", "skip", "include_total")
Page = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Query:
    """The body of a request, checked but for its filters."""

    filter_criteria: object
    descending: bool
    limit: int
    pagination_key: str | None
    skip: int
    include_total: bool


class Listing:
    """The listing of one book, from any thread; before its first answer it has to date the whole book."""

    def __init__(self, book: CallBook, fault: str | None = None) -> None:
        if fault is not None and fault not in LISTING_FAULTS:
            raise ValueError(f"listing_fault must be one of {', '.join(LISTING_FAULTS)}, not {fault!r}")
        self._book = book
        self._fault = fault
        # Keys look like call ids and are none, so that a client cannot make up its own.
        self._keys = CallIds(digest(book.seed, "pagination"))
        self._lock = Lock()
        self._unavailable = fault == "unavailable_once"
        self._timeline = Timeline(book)

    def prepare(self) -> bool:
        """Date some more of the book, which nobody has to do again; return whether all of it is dated."""
        with self._lock:
            return self._timeline.date(_STEP)

    def answer(self, body: bytes) -> tuple[int, Page]:
        """Return status and object for a request's body."""
        while not self.prepare():
            pass
        with self._lock:
            unavailable, self._unavailable = self._unavailable, False
        if unavailable:
            return 503, {"status": "error", "message": "Unavailable."}
        try:
            return 200, self._page(_read(body))
        except Refused as refused:
            return 400, {"status": "error", "message": str(refused)}

    def _page(self, query: _Query) -> Page:
        timeline = self._timeline
        criteria = read_criteria(query.filter_criteria, self._book, timeline)
        first, beyond = criteria.first, criteria.beyond
        if query.pagination_key is not None:
            last_seen = self._position(query.pagination_key)
            # The call of the key need not match: a key says how far the listing got, whatever it looked for.
            first, beyond = (
                (first, min(beyond, last_seen)) if query.descending else (max(first, last_seen + 1), beyond)
            )
        positions = range(first, beyond)
        ordered = reversed(positions) if query.descending else positions
        matching = criteria.matching(timeline, ordered)
        # One more than asked for tells whether there is another page.
        found = list(islice(matching, query.skip, query.skip + query.limit + 1))
        indices, has_more = found[: query.limit], len(found) > query.limit
        page: Page = {"items": [self._item(index) for index in indices], "has_more": has_more}
        if has_more:
            page["pagination_key"] = self._keys.encode(indices[-1])
        if query.include_total:
            page["total"] = criteria.count(timeline)
        return self._add_fault(page, query, indices)

    def _add_fault(self, page: Page, query: _Query, indices: list[int]) -> Page:
        if self._fault == "missing_key":
            page["has_more"] = True
            page.pop("pagination_key", None)
        elif self._fault == "repeated_key":
            page["has_more"] = True
            page["pagination_key"] = query.pagination_key or self._keys.encode(indices[-1] if indices else 0)
        return page

    def _position(self, key: str) -> int:
        index = self._keys.decode(key)
        position = None if index is None else self._timeline.position(index)
        if position is None:
            raise Refused("pagination_key is unknown.")
        return position

    def _item(self, index: int) -> Page:
        return {name: value for name, value in self._book.payload(index).items() if "transcript" not in name}


def _read(body: bytes) -> _Query:
    try:
        given = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("The body must be JSON.") from None
    if not isinstance(given, dict):
        raise Refused("The body must be an object.")
    for name in given:
        if name not in _FIELDS:
            raise Refused(f"{name!a} is not a field of this request.")
    order = given.get("sort_order", "descending")
    if order not in ("ascending", "descending"):
        raise Refused("sort_order must be ascending or descending.")
    key = given.get("pagination_key")
    if key is not None and not isinstance(key, str):
        raise Refused("pagination_key must be a string.")
    include_total = given.get("include_total", False)
    if not isinstance(include_total, bool):
        raise Refused("include_total must be true or false.")
    return _Query(
        filter_criteria=given.get("filter_criteria"),
        descending=order == "descending",
        limit=_whole(given, "limit", 50, 1, MAX_LIMIT),
        pagination_key=key,
        skip=_whole(given, "skip", 0, 0, _MAX_SKIP),
        include_total=include_total,
    )


def _whole(given: Page, name: str, default: int, least: int, most: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused(f"{name} must be a whole number from {least} to {most}.")
    return value


def _no_constant(_: str) -> Never:
    raise ValueError("not a JSON number")
