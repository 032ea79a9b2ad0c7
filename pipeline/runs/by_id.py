"""Fetches calls that are known by id, and lists their numbers first where the account makes whole calls slow.

The listing takes a filter by ids. How many is not documented, so it is learned: halved where the API refuses.
Where it takes none, or knows none of these ids, whole calls are all there is.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline.errors import ListingFailed
from pipeline.retell.client import CallsClient
from pipeline.retell.listing import MAX_LIMIT, make_id_filter
from pipeline.retell.page import ListedItem
from pipeline.runs.fetch import Extract, FetchRun
from pipeline.runs.listing import Lister
from pipeline.runs.plan import Plan

# Fewer ids than that in a request bring numbers hardly faster than get-call brings whole calls.
_FEWEST_IDS = 10
# What is fetched whole sooner than that needs no numbers first.
_WORTH_LISTING_S = 10.0
_LOOK_EVERY_S = 0.2


class ById:
    """The fetching of a plan's ids; `fetch` may be called once.

    ``numbers_only`` lists them and leaves the whole calls to the next run.
    """

    def __init__(self, run: FetchRun, plan: Plan, *, numbers_only: bool) -> None:
        self._run = run
        self._plan = plan
        self._numbers_only = numbers_only

    async def fetch(self, extract: Extract) -> None:
        """Fetch the ids whole, and list them beside that where it is worth it; or list them only.

        Raises what `extract` raises; ListingFailed where only the listing was asked for and there is none.
        """
        with tempfile.TemporaryDirectory(prefix="call-listing-") as folder:
            lister = Lister(self._run, Path(folder), None)
            if self._numbers_only:
                await self._list(lister)
                return
            listing = asyncio.create_task(self._list_if_worth_it(lister))
            try:
                await extract(self._plan)
            finally:
                listing.cancel()
                await asyncio.gather(listing, return_exceptions=True)

    async def _list_if_worth_it(self, lister: Lister) -> None:
        # What the account allows is known once it has said so, to whichever client asked.
        while (pace := self._run.client.stats.account) is None:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)
        if self._plan.to_fetch / pace.rate <= _WORTH_LISTING_S:
            return
        with suppress(ListingFailed):
            await self._list(lister)
            await asyncio.to_thread(self._run.publish_numbers, lister.counts.listed, self._plan.to_fetch)

    async def _list(self, lister: Lister) -> None:
        """List the ids of the plan; raise ListingFailed, after saying so, where the API takes no ids."""
        try:
            async for _, items in list_by_ids(self._run.client, self._plan.ids()):
                if not items and not lister.counts.listed:
                    raise ListingFailed(
                        "the listing knows none of these ids", "give no --numbers-only", status=200
                    )
                await lister.take(items)
        except ListingFailed as failure:
            self._run.observer.say(f"no numbers before whole calls: {failure.reason}")
            raise


async def list_by_ids(
    client: CallsClient, call_ids: Iterator[str], size: int = MAX_LIMIT
) -> AsyncIterator[tuple[list[str], list[ListedItem]]]:
    """Yield ids, up to ``size`` at a time, each time with what a listing says of those that the account has.

    Where the API refuses so many, half of them are asked for. Raises ListingFailed where it takes no ids.
    """
    asked: list[str] = []
    while asked := asked or list(islice(call_ids, size)):
        try:
            items = await _list_ids(client, asked[:size])
        except ListingFailed as failure:
            is_refused = failure.status is not None and 400 <= failure.status < 500 and failure.status != 404
            if is_refused and size // 2 >= _FEWEST_IDS and len(asked) > _FEWEST_IDS:
                size //= 2
                continue
            raise
        yield asked[:size], items
        asked = asked[size:]


async def _list_ids(client: CallsClient, call_ids: list[str]) -> list[ListedItem]:
    """Return what a listing says of the calls of these ids that the account has.

    Raises ListingFailed, also where the listing takes no heed of ids.
    """
    wanted, items = set(call_ids), []
    async for page in client.list_all(make_id_filter(call_ids), ascending=False, limit=MAX_LIMIT):
        if any(item.call_id not in wanted for item in page.items):
            raise ListingFailed(
                "the listing answers with calls that were not asked for",
                "give no --numbers-only",
                status=200,
            )
        items += page.items
    return items
