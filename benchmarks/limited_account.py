"""An account of Retell's that enforces limits: the simulator, in a process of its own, and what it was asked.

    python -m benchmarks.limited_account CALLS [LIMIT LIST_LIMIT]

Without limits it takes requests as fast as they come. Answers each line on stdin with its counts as JSON,
until stdin ends. All calls are two days old or older, so they are final. What a listing says of them is made
before the server says where it is: Retell has that ready, and a client shall not wait for the simulator.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Self

import httpx

from benchmarks import contest
from pipeline.simulator import Account, CallBook, Limits, RequestLog, Window, running

KEY = "key_benchmark"
_OVER = timedelta(days=2)


def make_book(calls: int) -> CallBook:
    """Return calls of today's shape that are over; their ids depend on nothing but how many there are."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return CallBook(count=calls, shape="today", not_connected=True, until=now - _OVER, as_of=now)


@dataclass(frozen=True)
class Counts:
    """What an account was asked: answers for calls, pages by the field they were filtered by, refusals."""

    calls: int
    pages: Counter[str]
    refused: int
    others: int

    @classmethod
    def of(cls, requests: RequestLog) -> Self:
        statuses, pages = requests.by_status, requests.listing_statuses
        filters = Counter("+".join(sorted(body["filter_criteria"])) for body in requests.listing_bodies)
        refused = statuses[429]
        others = statuses.total() - statuses[200] - refused
        return cls(statuses[200] - pages[200], filters, refused, others)

    @property
    def page_count(self) -> int:
        return self.pages.total()

    def __sub__(self, before: Counts) -> Counts:
        return Counts(
            self.calls - before.calls,
            self.pages - before.pages,
            self.refused - before.refused,
            self.others - before.others,
        )

    def __str__(self) -> str:
        """Return the counts in words."""
        pages = ", ".join(f"{count} by {name}" for name, count in sorted(self.pages.items()))
        others = f", {self.others} other answers" if self.others else ""
        return (
            f"{self.page_count} lists{f' ({pages})' if pages else ''}, {self.calls:,} get-calls, "
            f"{self.refused} of 429{others}"
        )


class LimitedAccount:
    """A server in another process; `base_url` is where it is."""

    def __init__(self, asked: IO[str], told: IO[str], longest_window_s: float) -> None:
        self.base_url = told.readline().strip()
        self._asked = asked
        self._told = told
        self._longest_window_s = longest_window_s

    def count(self) -> Counts:
        """Return what it was asked so far."""
        print(file=self._asked, flush=True)
        found = json.loads(self._told.readline())
        return Counts(**found | {"pages": Counter(found["pages"])})

    def rest(self) -> None:
        """Wait until every window is over, so that what runs next has all of the limits."""
        time.sleep(self._longest_window_s)


@contextmanager
def serving(calls: int, *limits: Window) -> Iterator[LimitedAccount]:
    """Serve an account of so many calls until the block ends; limits are that of calls and that of lists."""
    server = subprocess.Popen(
        contest.command(
            "-m",
            "benchmarks.limited_account",
            str(calls),
            *(f"{window.count}:{window.seconds}" for window in limits),
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield LimitedAccount(
            server.stdin, server.stdout, max((window.seconds for window in limits), default=0)
        )
    finally:
        server.terminate()
        server.wait()


def main(calls: int, limits: Limits) -> None:
    account = Account(make_book(calls))
    account.make_items()
    with running(account, api_key=KEY, limits=limits) as server:
        _sort(server.base_url)
        print(server.base_url, flush=True)
        for _ in sys.stdin:
            print(json.dumps(vars(Counts.of(server.requests))), flush=True)


def read_limits(given: list[str]) -> Limits:
    if not given:
        return Limits()
    limit, list_limit = map(Window.read, given)
    return Limits(general=limit, listing=list_limit)


def _sort(base_url: str) -> None:
    """Let the simulator sort its calls, which it does for its first page."""
    asked = {"filter_criteria": {}, "limit": 1}
    headers = {"Authorization": f"Bearer {KEY}"}
    httpx.post(f"{base_url}/v3/list-calls", json=asked, headers=headers, timeout=300).raise_for_status()


if __name__ == "__main__":
    main(int(sys.argv[1]), read_limits(sys.argv[2:]))
