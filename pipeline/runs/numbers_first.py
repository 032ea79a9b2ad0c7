"""Carries out a run that lists first: the numbers of a page at a time, and whole calls beside and after them.

The listing brings a thousand calls for a request, all but what was said in them; whole calls come one by one.
So both go on side by side, and when the listing is done, all views on numbers are complete while most calls
are still to be fetched. After what was listed, the ids follow that earlier runs have left open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from pipeline import sql
from pipeline.errors import ListingFailed
from pipeline.runs.fetch import Extract, FetchRun
from pipeline.runs.fetch_queue import FetchQueue
from pipeline.runs.listing import Lister
from pipeline.runs.listing_turn import ListingTurn
from pipeline.runs.plan import Plan
from pipeline.runs.run_report import RunReport
from pipeline.times import utc_now

# Gives a lister its pages.
ListCalls = Callable[[Lister], Awaitable[None]]


class NumbersFirst:
    """The two halves of a run; call `run` or `carry_out` once.

    ``numbers_only`` leaves out the second half. ``turn`` is ended when the first is done. The ids of both are
    named in `lister.spool`.
    """

    def __init__(
        self,
        run: FetchRun,
        folder: Path,
        *,
        turn: ListingTurn | None = None,
        numbers_only: bool = False,
    ) -> None:
        run.is_listing = True
        self._run = run
        self._turn = turn
        self._folder = folder
        self._numbers_only = numbers_only
        self._queue = FetchQueue(folder)
        self._numbers = count()
        self._listing_failure: ListingFailed | None = None
        self.lister = Lister(run, folder, None if numbers_only else self._queue)

    def run(self, list_calls: ListCalls) -> RunReport:
        """Carry out the run from its preparation to its end; raises as `Run.carry_out` does."""
        return self._run.carry_out(
            self._run.begin,
            lambda _: self._run.fetch(lambda extract: self.carry_out(extract, list_calls)),
            self.lister.spool,
        )

    async def carry_out(
        self, extract: Extract, list_calls: ListCalls | None = None, *, with_not_final: bool = False
    ) -> None:
        """List, and fetch whole what the listing brings and what is open; `with_not_final` too.

        A listing that fails does not keep what it brought from being fetched; its ListingFailed is raised
        after that. Raises what `extract` raises, and LandingError and WarehouseError.
        """
        listing = asyncio.create_task(self._list(list_calls))
        try:
            while (plan := await self._queue.take()) is not None:
                await self._extract(extract, plan)
            await listing
        finally:
            listing.cancel()
            await asyncio.gather(listing, return_exceptions=True)
        if not self._numbers_only:
            await self._fetch_open(extract, with_not_final=with_not_final)
        if self._listing_failure is not None:
            raise self._listing_failure

    async def _list(self, list_calls: ListCalls | None) -> None:
        try:
            if list_calls is not None:
                await list_calls(self.lister)
                self._end_listing()
                counts = self.lister.counts
                await asyncio.to_thread(self._run.publish_numbers, counts.listed, counts.to_fetch)
        except ListingFailed as failure:
            self._listing_failure = failure
            if self.lister.counts.to_fetch:
                self._run.observer.say(f"{failure}; what was listed until then is fetched first")
        finally:
            self._end_listing()

    def _end_listing(self) -> None:
        self._queue.close()
        if self._turn is not None:
            self._turn.end()

    async def _fetch_open(self, extract: Extract, *, with_not_final: bool) -> None:
        """Fetch the ids that are not settled, until there are none that this run has not had."""
        while (plan := await asyncio.to_thread(self._plan_open, with_not_final)).to_fetch:
            # A run that goes on for hours finds what others have listed meanwhile.
            await self._extract(extract, plan)

    async def _extract(self, extract: Extract, plan: Plan) -> None:
        self._run.report.to_fetch += plan.to_fetch
        self._run.observer.on_plan(plan)
        await extract(plan)

    def _plan_open(self, with_not_final: bool) -> Plan:
        settings = self._run.settings
        now = {"as_of": utc_now()}
        names: dict[str, dict[str, Any]] = {"open_ids": now | {"run_id": self._run.report.run_id}}
        if with_not_final:
            names["not_final_ids"] = now | {"refresh_window_s": settings.refresh_window_s}
        names["ids_to_ask_for"] = {"spool": sql.escape_path(self.lister.spool)}
        fetch_list = self._folder / f"open-{next(self._numbers):06d}.txt"
        plan = Plan.of_list(fetch_list, self._run.write_ids(names, fetch_list))
        self.lister.note_ids(plan.ids())
        return plan
