"""``POST /v3/list-calls``: pages of calls without their transcripts, sorted by start.

Invariant: following the keys of a sound listing to its end gives every matching call once, and a page holds
no more payloads than it was asked for.

Calls without a start come last in ascending order and first in descending order, unless the account has
other rules; among each other they go by the moment the account got to know them. No filter on the start finds
them; one on ``call_status`` does, by the status their payload has: ``ended`` or ``error`` in API v1, and
``not_connected`` in a book made with that option. Items of a book are the sound payloads, also of calls whose
body is served broken.
"""

import json
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Any, Never

from .account import Account
from .book import CallBook
from .catalogue import Catalogue, Listed, Snapshot
from .chance import digest
from .criteria import Refused, read_criteria
from .entries import Place, encode_any
from .pagekeys import PageKeys
from .rules import MAX_LIMIT
from .timeline import Timeline

# The same key for ever, no key although there is more, and one answer of 503 before all others.
LISTING_FAULTS = ("repeated_key", "missing_key", "unavailable_once")
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
    """The listing of one account, from any thread; before its first answer it has to date the whole book."""

    def __init__(self, account: Account, fault: str | None = None) -> None:
        if fault is not None and fault not in LISTING_FAULTS:
            raise ValueError(f"listing_fault must be one of {', '.join(LISTING_FAULTS)}, not {fault!r}")
        self._account = account
        self._fault = fault
        self._keys = PageKeys(digest(account.book.seed, "pagination"))
        self._lock = Lock()
        self._unavailable = fault == "unavailable_once"
        self._timeline = Timeline(account.book)

    def prepare(self) -> bool:
        """Date some more of the book, which nobody has to do again; return whether all of it is dated."""
        with self._lock:
            return self._date(self._account.book)[1]

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a request's body."""
        with self._lock:
            unavailable, self._unavailable = self._unavailable, False
        if unavailable:
            return 503, _say("Unavailable.")
        try:
            query = _read(body)
            page, after = self._read_key(query)
        except Refused as refused:
            return refused.status, _say(str(refused))
        if self._account.on_page is not None:
            self._account.on_page(page)
        planned = self._account.next_failure(page)
        if planned is not None:
            return planned.status, planned.body
        try:
            # What the account is from here on: whatever changes it meanwhile is for the next page.
            account = self._account.snapshot()
            return 200, self._make_page(account, query, page, after)
        except Refused as refused:
            return refused.status, _say(str(refused))

    def _date(self, book: CallBook) -> tuple[Timeline, bool]:
        if self._timeline.book is not book:
            self._timeline = Timeline(book, self._timeline)
        return self._timeline, self._timeline.date(_STEP)

    def _make_catalogue(self, account: Snapshot) -> Catalogue:
        while True:
            with self._lock:
                timeline, complete = self._date(account.book)
            if complete:
                return Catalogue(account, timeline)

    def _read_key(self, query: _Query) -> tuple[int, Place | None]:
        if query.pagination_key is None:
            return 1, None
        read = self._keys.decode(query.pagination_key)
        if read is None:
            raise Refused("pagination_key is unknown.")
        return read

    def _make_page(self, account: Snapshot, query: _Query, page: int, after: Place | None) -> bytes:
        catalogue, rules = self._make_catalogue(account), account.rules
        criteria = read_criteria(query.filter_criteria, catalogue, rules)
        limit = min(query.limit, rules.most_on_page)
        if page in rules.short_pages:
            limit = max(1, limit // 2)
        if page in rules.empty_pages:
            limit = 0
        # What stands at the key need not match: a key says how far the listing got, whatever it looked for.
        matching = catalogue.walk(criteria, query.descending, after)
        # One more than asked for tells whether there is another page.
        found = list(islice(matching, query.skip, query.skip + limit + 1))
        listed, has_more = found[:limit], len(found) > limit
        more: Page = {"has_more": has_more}
        if has_more:
            # A call that comes again stands behind the place that the next page goes on from.
            last = listed[: -rules.repeated_items or None] or listed
            more["pagination_key"] = self._keys.encode(page + 1, _last(catalogue, last, after))
        if query.include_total:
            more["total"] = sum(1 for _ in catalogue.walk(criteria, query.descending))
        if self._fault == "missing_key":
            more = {**more, "has_more": True}
            more.pop("pagination_key", None)
        elif self._fault == "repeated_key":
            key = query.pagination_key or self._keys.encode(2, _last(catalogue, listed, after))
            more |= {"has_more": True, "pagination_key": key}
        items = b",".join(catalogue.item(each) for each in listed)
        return b'{"items":[' + items + b"]," + encode_any(more)[1:]


def _last(catalogue: Catalogue, listed: list[Listed], after: Place | None) -> Place | None:
    return catalogue.place(listed[-1]) if listed else after


def _say(message: str) -> bytes:
    return encode_any({"status": "error", "message": message})


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
