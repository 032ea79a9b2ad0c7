"""An account whose calls change while the server runs: steered from a test, in Python and from any thread.

Invariant: a change is visible from the next request on, and a request sees the account at one moment.

    account = Account()  # or Account(CallBook(…)): the calls of a book, and what is put on top of it
    account.put({"call_id": "call_1", "call_status": "ended", "start_timestamp": 1741875402710})
    account.fail("call_1", 503, times=6)  # six answers of 503, then the call
    account.refuse_page(2, 503, times=6)  # the second page of a listing, from now on, six times
    account.on_page = lambda page: account.delete("call_1") if page == 2 else None
    with running(account) as server:
        …  # ask server.base_url with server.api_key
        account.change("call_1", metadata={"order": 7})  # fields of the payload, in place of what they were
        account.update("call_1", lambda payload: payload.pop("transcript", None))
        account.as_of = later  # the calls of the book, as they read at that moment
        assert server.requests.listing_bodies[0]["limit"] == 1000

How the listing behaves where Retell documents nothing is in ``account.rules``.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from threading import RLock
from typing import Any

from .book import CallBook
from .catalogue import Snapshot
from .entries import Entry, Payload, encode_any, make_place
from .failures import Answer, Failures
from .items import Items
from .rules import ListingRules

Update = Callable[[Payload], Payload | None]
# What is put is newer than any call without a start in a book, whose place is a moment in milliseconds.
_PUT = 2**62


class Account:
    """Calls that a test gives and takes, alone or on top of those of a book."""

    def __init__(self, book: CallBook | None = None, rules: ListingRules | None = None) -> None:
        self._lock = RLock()
        self._book = CallBook(count=0, shape="today") if book is None else book
        self._items = Items(self._book)
        # Every call that is not as the book has it; None stands for one that was deleted.
        self._entries: dict[str, Entry | None] = {}
        # What was changed of calls of the book, to be done again when they are read at another moment.
        self._updates: dict[str, list[Update]] = {}
        self._raw: list[Entry] = []
        self._hidden: set[int] = set()
        self._created: dict[str, int] = {}
        self._newest = _PUT
        self._snapshot: Snapshot | None = None
        self._failures = Failures()
        self._rules = rules or ListingRules()
        self.missing_status = 404
        """The answer to who asks for a call that is not there; some deployments say 422."""
        self.on_page: Callable[[int], None] | None = None
        """Called with its number before a page is made; what it changes is on the page already."""

    @property
    def book(self) -> CallBook:
        """The book below, as it reads at ``as_of``; an empty one when there is none."""
        return self._book

    @property
    def as_of(self) -> datetime:
        """The moment at which the calls of the book are read; set it to go on in time, or back."""
        return self._book.as_of

    @as_of.setter
    def as_of(self, moment: datetime) -> None:
        with self._lock:
            self._book = self._book.at(moment)
            for call_id in self._updates:
                self._update_again(call_id)
            self._snapshot = None

    @property
    def rules(self) -> ListingRules:
        """How the listing behaves; replace the rules as a whole."""
        return self._rules

    @rules.setter
    def rules(self, rules: ListingRules) -> None:
        with self._lock:
            self._rules, self._snapshot = rules, None

    def put(self, payload: Payload) -> None:
        """Add a call, or replace the one that has its id."""
        call_id = payload["call_id"]
        with self._lock:
            self._updates.pop(call_id, None)
            self._write(call_id, deepcopy(payload))

    def delete(self, call_id: str) -> None:
        """Take a call away, as retention does; raise KeyError when there is none of this id."""
        with self._lock:
            self._check(call_id)
            self._updates.pop(call_id, None)
            self._set(call_id, None)

    def change(self, call_id: str, **fields: Any) -> None:
        """Set fields of a call's payload; raise KeyError when there is none of this id."""
        given = deepcopy(fields)
        self.update(call_id, lambda payload: payload.update(deepcopy(given)))

    def update(self, call_id: str, function: Update) -> None:
        """Let a function change a call's payload in place, or return another one.

        For a call of a book the function is asked again whenever ``as_of`` moves.
        """
        with self._lock:
            self._check(call_id)
            entry = self._entries.get(call_id)
            if entry is None or call_id in self._updates:
                self._updates.setdefault(call_id, []).append(function)
                self._update_again(call_id)
            else:
                self._write(call_id, _apply(function, deepcopy(entry.item)))

    def list_raw(self, item: Any, start_ms: int | None = None) -> None:
        """Add something to the listing that no call stands behind; bytes are put into the page as they are.

        Its place is ``start_ms``, or the start it has, or among the calls without one. It passes a filter on
        a field that it does not have, but none on ids.
        """
        with self._lock:
            self._newest += 1
            place = make_place(item, f"raw {self._newest - _PUT:09}", self._newest, start_ms)
            self._raw.append(Entry(place, deepcopy(item), None))
            self._snapshot = None

    def delete_raw(self) -> None:
        """Take everything out of the listing that no call stands behind."""
        with self._lock:
            self._raw.clear()
            self._snapshot = None

    def fail(
        self, call_id: str, status: int, times: int | None = 1, body: Any = None, **headers: str
    ) -> None:
        """Answer the next requests for a call with a status; None means for ever.

        Plans of one call follow each other. ``body`` is the JSON to answer with, and ``headers`` are more of
        those, with ``_`` for ``-``: ``retry_after="1"``.
        """
        self._failures.plan(call_id, Answer.make(status, body, headers), times)

    def delay(self, call_id: str, seconds: float) -> None:
        """Let every answer for a call take this long."""
        self._failures.plan_delay(call_id, seconds)

    def refuse_page(self, page: int, status: int, times: int | None = 1, body: Any = None) -> None:
        """Answer the next requests for this page of any listing with a status; None means for ever."""
        self._failures.plan(page, Answer.make(status, body, {}), times)

    def make_items(self) -> None:
        """Make what the listing tells of every call of the book now, so that no page has to wait for it.

        It takes half a millisecond a call. What was made once is kept, so a second listing needs it less.
        """
        book = self._book
        for index in range(len(book)):
            self._items.read(book, index)

    def next_failure(self, asked: str | int) -> Answer | None:
        """Return the planned answer to a request for a call or a page, and count it; None: as ever."""
        return self._failures.take(asked)

    def read_delay(self, call_id: str) -> float:
        """Return how long the answer for a call is to take."""
        return self._failures.read_delay(call_id)

    def payload(self, call_id: str) -> Payload:
        """Return a call's payload as it is now; raise KeyError when there is none of this id."""
        with self._lock:
            self._check(call_id)
            entry = self._entries.get(call_id)
            index = self._book.index(call_id)
            if entry is None and index is not None:
                return self._book.payload(index)
            return deepcopy(entry.item) if entry else {}

    def body(self, call_id: str) -> bytes | None:
        """Return what is served for an id, or None for one that the account does not have."""
        with self._lock:
            book = self._book
            if call_id in self._entries:
                entry = self._entries[call_id]
                return None if entry is None else encode_any(entry.item)
        return book.body(call_id)

    def is_html(self, call_id: str) -> bool:
        """Return whether a call is served as a page of HTML."""
        index = self._book.index(call_id)
        return call_id not in self._entries and index is not None and self._book.breakage(index) == "html"

    def snapshot(self) -> Snapshot:
        """Return the account as it is now."""
        with self._lock:
            if self._snapshot is None:
                entries = [entry for entry in self._entries.values() if entry is not None]
                self._snapshot = Snapshot(
                    self._book,
                    self._items,
                    frozenset(self._hidden),
                    tuple(sorted([*entries, *self._raw], key=lambda entry: entry.place)),
                    {entry.call_id: entry for entry in entries if entry.call_id is not None},
                    self._rules,
                )
            return self._snapshot

    def _check(self, call_id: str) -> None:
        is_there = self._entries[call_id] if call_id in self._entries else self._book.index(call_id)
        if is_there is None:
            raise KeyError(call_id)

    def _update_again(self, call_id: str) -> None:
        index = self._book.index(call_id)
        assert index is not None
        payload = self._book.payload(index)
        for function in self._updates[call_id]:
            payload = _apply(function, payload)
        self._write(call_id, payload)

    def _write(self, call_id: str, payload: Payload) -> None:
        place = make_place(payload, call_id, self._creation(call_id))
        self._set(call_id, Entry(place, payload, call_id))

    def _set(self, call_id: str, entry: Entry | None) -> None:
        index = self._book.index(call_id)
        if index is not None:
            self._hidden.add(index)
        self._entries[call_id] = entry
        self._snapshot = None

    def _creation(self, call_id: str) -> int:
        """Return when the account got to know a call: it stays there among those without a start."""
        if call_id not in self._created:
            index = self._book.index(call_id)
            self._newest += 1
            self._created[call_id] = self._newest if index is None else self._book.due_ms(index)
        return self._created[call_id]


def _apply(function: Update, payload: Payload) -> Payload:
    changed = function(payload)
    return payload if changed is None else changed
