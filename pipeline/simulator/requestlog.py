"""What a simulated server was asked and what it answered, readable while it runs.

Invariant: an answer is counted before its last byte is sent, so whoever has read it finds it counted.
"""

import json
from collections import Counter, deque
from threading import Lock
from typing import Any

# Stands in for the status of a connection that was reset before an answer.
NO_STATUS = 0
# Listing requests whose bodies are kept: enough for ten million calls, and no leak in a server that runs on.
_BODIES = 10_000


class RequestLog:
    """Counts of requests; every property is a copy taken under the lock."""

    def __init__(self, per_call: bool = True) -> None:
        self._lock = Lock()
        self._per_call = per_call
        self._total = 0
        self._listings = 0
        self._by_call: Counter[str] = Counter()
        self._by_status: Counter[int] = Counter()
        self._refusals: Counter[str] = Counter()
        self._served: Counter[str] = Counter()
        self._listing_bodies: deque[Any] = deque(maxlen=_BODIES if per_call else 0)
        self._listing_statuses: Counter[int] = Counter()

    def count_request(self, call_id: str | None) -> None:
        """Count a request as it arrives; the id is None when the path names none."""
        with self._lock:
            self._total += 1
            if call_id is not None and self._per_call:
                self._by_call[call_id] += 1

    def count_listing(self) -> None:
        """Count a request for a listing as it arrives."""
        with self._lock:
            self._total += 1
            self._listings += 1

    def keep_listing(self, body: bytes) -> None:
        """Keep what a listing was asked for."""
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        with self._lock:
            self._listing_bodies.append(asked)

    def count_listing_answer(self, status: int) -> None:
        """Count the answer of a listing as it leaves, apart from those of calls."""
        with self._lock:
            self._listing_statuses[status] += 1

    def count_refusal(self, limiter: str) -> None:
        """Count a request that a limit refuses; its answer is counted beside that."""
        with self._lock:
            self._refusals[limiter] += 1

    def count_answer(self, call_id: str | None, status: int, complete: bool = True) -> None:
        """Count an answer as it leaves."""
        with self._lock:
            self._by_status[status] += 1
            if call_id is not None and status == 200 and complete and self._per_call:
                self._served[call_id] += 1

    @property
    def total(self) -> int:
        """All requests so far, for calls, listings or nothing there is."""
        with self._lock:
            return self._total

    @property
    def listings(self) -> int:
        """Requests for a page of the listing, authorized or not."""
        with self._lock:
            return self._listings

    @property
    def listing_bodies(self) -> list[Any]:
        """The parsed bodies of listing requests in order, None for one that is no JSON; the last 10,000."""
        with self._lock:
            return list(self._listing_bodies)

    @property
    def listing_statuses(self) -> Counter[int]:
        """Answers of the listing by status; ``by_status`` counts them too."""
        with self._lock:
            return self._listing_statuses.copy()

    @property
    def by_call(self) -> Counter[str]:
        """Requests by the call id they asked for, known or not."""
        with self._lock:
            return self._by_call.copy()

    @property
    def by_status(self) -> Counter[int]:
        """Answers by status; 0 stands for a reset, and a cut body counts as the 200 it began as."""
        with self._lock:
            return self._by_status.copy()

    @property
    def refusals(self) -> Counter[str]:
        """Requests that the account's limits refused: ``general`` for calls, ``list`` for the listing."""
        with self._lock:
            return self._refusals.copy()

    @property
    def served(self) -> Counter[str]:
        """Complete answers of status 200 by call id."""
        with self._lock:
            return self._served.copy()
