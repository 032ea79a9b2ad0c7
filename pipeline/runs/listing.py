"""Lists calls for a run: lands what each page says, and hands on the ids that are to be fetched whole.

Invariant: a page is landed before anything depends on it, and what it says that was known before is not
landed again. Which calls are fetched whole is decided by comparing the page with the ledger of ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pipeline import log, sql
from pipeline.extract.listed_page import JudgedItem, judge_items, land_items
from pipeline.retell.client import CallsClient
from pipeline.retell.listing import make_status_filter
from pipeline.retell.page import ListedItem, Page
from pipeline.runs.fetch import FetchRun
from pipeline.runs.fetch_queue import FetchQueue
from pipeline.times import as_utc, utc_now
from pipeline.warehouse import schema

PAGE_SIZE = 1000
"""Calls on a page: the most that the API puts there, since its limit is on pages."""

# Who looks at least so often knows on which day a call without any time was made, give or take one.
_FRESH_FOR = timedelta(days=1)
# Of more ids the ledger is asked: memory does not grow with the account.
_MOST_OWN_IDS = 100_000


@dataclass
class ListedCounts:
    """What the pages of a run have brought so far, in calls."""

    listed: int = 0
    missing: int = 0
    changed: int = 0
    to_fetch: int = 0


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """What an item of a page is to the warehouse; both moments are UTC, None of one that is unknown.

    `recorded_at` is when the outcome of its id was recorded.
    """

    call_id: str
    is_new: bool
    is_repeated: bool
    is_missing: bool
    is_changed: bool
    is_to_fetch: bool
    first_seen_at: datetime | None
    recorded_at: datetime | None = None


class Lister:
    """Takes in the pages that a run lists; `spool` names every id that was on one, in the order of pages."""

    def __init__(self, run: FetchRun, folder: Path, queue: FetchQueue | None) -> None:
        self.spool = folder / "ids.csv"
        self.spool.touch()
        self.counts = ListedCounts()
        self._page_spool = folder / "page.csv"
        self._run = run
        self._queue = queue
        # The ids of this run, as long as it is known that the ledger has no others; else None.
        self._own_ids: set[str] | None = None
        self._positions = count()
        self._chunk_numbers = count()

    async def take(self, items: list[ListedItem], *, are_fresh: bool = False) -> list[ComparedItem]:
        """Land what items say that is new, and put the ids that are to be fetched into the queue.

        They `are_fresh` where calls that are new among them were made shortly before. Raises LandingError
        when it cannot be landed, WarehouseError when it cannot be compared.
        """
        compared = await asyncio.to_thread(self._take, items, are_fresh)
        if self._queue is not None:
            self._queue.put(item.call_id for item in compared if item.is_to_fetch)
        return compared

    def fetch(self, call_ids: Iterable[str]) -> None:
        """Put ids that no page had into the queue; from a thread of the run too."""
        assert self._queue is not None, "a run that only lists fetches nothing"
        ids = list(call_ids)
        self.note_ids(ids)
        self._queue.put(ids)

    def note_ids(self, call_ids: Iterable[str]) -> None:
        """Name ids in the spool that no page had."""
        self._spool((call_id, None) for call_id in call_ids)

    def _spool(self, ids: Iterable[tuple[str, datetime | None]]) -> None:
        with self.spool.open("a", encoding="ascii") as lines:
            lines.writelines(
                f"{next(self._positions)},{call_id},{recorded_at or ''}\n" for call_id, recorded_at in ids
            )

    def _take(self, items: list[ListedItem], are_fresh: bool) -> list[ComparedItem]:
        judged = judge_items(items, datetime.now(UTC), are_fresh=are_fresh)
        compared = {item.call_id: item for item in self._compare(judged)} if judged else {}
        if fresh := [item for item in judged if compared[item.call_id].is_new]:
            chunk = land_items(self._run.landing, self._run.report.run_id, next(self._chunk_numbers), fresh)
            self._run.queue.put(chunk)
        self._spool((item.call_id, item.recorded_at) for item in compared.values())
        counts = self.counts
        counts.listed += sum(not item.is_repeated for item in compared.values())
        counts.missing += sum(item.is_missing for item in compared.values())
        counts.changed += sum(item.is_changed for item in compared.values())
        to_fetch = sum(item.is_to_fetch for item in compared.values())
        counts.to_fetch += to_fetch
        log.event("page", log.DEBUG, listed=len(compared), landed=len(fresh), to_fetch=to_fetch)
        return list(compared.values())

    def _compare(self, judged: list[JudgedItem]) -> list[ComparedItem]:
        if self._own_ids is not None and len(self._own_ids) < _MOST_OWN_IDS:
            return self._compare_with_own_ids(judged, self._own_ids)
        self._own_ids = None
        compared, is_empty = self._compare_with_ledger(judged)
        if is_empty and self.counts.listed == 0:
            # Reading the warehouse means to wait for each load. From an empty ledger nothing can be learned.
            self._own_ids = {item.call_id for item in judged}
        return compared

    def _compare_with_own_ids(self, judged: list[JudgedItem], own_ids: set[str]) -> list[ComparedItem]:
        """Compare with the ids of this run, since the ledger had none when it began to list; add the new."""
        compared = []
        for item in judged:
            is_repeated = item.call_id in own_ids
            compared.append(
                ComparedItem(
                    item.call_id,
                    is_new=not is_repeated,
                    is_repeated=is_repeated,
                    is_missing=not is_repeated,
                    is_changed=False,
                    is_to_fetch=not is_repeated and item.listed_hash is not None,
                    first_seen_at=None,
                )
            )
        own_ids.update(item.call_id for item in judged)
        return compared

    def _compare_with_ledger(self, judged: list[JudgedItem]) -> tuple[list[ComparedItem], bool]:
        """Return what each item is to the warehouse, and whether the ledger of ids is empty."""
        with self._page_spool.open("w", encoding="ascii") as lines:
            lines.writelines(
                f"{position},{item.call_id},{item.listed_hash or ''},{_format_start(item)}\n"
                for position, item in enumerate(judged)
            )
        settings = self._run.settings
        with self._run.warehouse.reading() as connection:
            schema.check_unchanged(connection)
            rows = connection.exec_driver_sql(
                sql.read("runs/listed_page"),
                {
                    "page": sql.escape_path(self._page_spool),
                    "spool": sql.escape_path(self.spool),
                    "run_id": self._run.report.run_id,
                    "as_of": utc_now(),
                    "refetch_after_s": settings.refetch_after_s,
                },
            )
            compared = [ComparedItem(*row) for row in rows]
            is_empty = not connection.exec_driver_sql(sql.read("runs/has_ids")).scalar_one()
            return compared, is_empty


def _format_start(judged: JudgedItem) -> str:
    return "" if judged.item.start_ms is None else str(judged.item.start_ms)


def list_newest_first(client: CallsClient, filters: dict[str, Any]) -> AsyncIterator[Page]:
    """Yield every page of the calls that pass all filters; raises as `CallsClient.list_all` does."""
    return client.list_all(filters, ascending=False, limit=PAGE_SIZE)


async def list_startless(
    client: CallsClient, lister: Lister, *, known_before: datetime | None = None
) -> None:
    """List the calls without a start: no window of time holds them.

    The listing puts the newest first. So it stops at a page whose calls were all known before a moment, where
    one is given; else it goes to the end.
    """
    # Calls that are new since a moment not long ago were made since then.
    are_fresh = known_before is not None and datetime.now(UTC) - known_before < _FRESH_FOR
    async for page in list_newest_first(client, make_status_filter("not_connected", "error")):
        # The others are listed by their start.
        startless = [item for item in page.items if item.start_ms is None]
        items = await lister.take(startless, are_fresh=are_fresh)
        if known_before is not None and items and all(_is_older(item, known_before) for item in items):
            return


def _is_older(item: ComparedItem, moment: datetime) -> bool:
    return item.first_seen_at is not None and as_utc(item.first_seen_at) < moment
