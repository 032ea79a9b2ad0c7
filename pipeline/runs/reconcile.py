"""Compares the account with the warehouse for a time, puts right what differs, and records that they agree.

The listing says of every call what the warehouse has of it but for the transcripts, a thousand calls for a
request. What it says anew is fetched again, what is missing is fetched. Calls that no page had are listed by
their ids, since some kinds have no place in a listing, and asked for one by one where they are not there
either: only where the API says so itself is a call gone.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from pipeline import sql
from pipeline.config import Settings
from pipeline.errors import ListingFailed
from pipeline.retell.listing import make_start_filter
from pipeline.runs.by_id import list_by_ids
from pipeline.runs.fetch import FetchRun, Steps
from pipeline.runs.listed_hashes import fill_listed_hashes
from pipeline.runs.listing import Lister, list_newest_first, list_startless
from pipeline.runs.listing_turn import ListingTurn
from pipeline.runs.numbers_first import NumbersFirst
from pipeline.runs.plan import Plan
from pipeline.runs.run import Observer
from pipeline.runs.run_report import Compared, RunReport
from pipeline.times import as_utc, to_epoch_ms, utc_now

# What is stored of such a call is not what the account has; another run may be about to fetch it.
_OPEN = {"failed", "waiting", "listed", "changed"}
# How many ids a listing takes is not documented: as many as it hardly refuses.
_IDS_AT_ONCE = 100


@dataclass
class Reconcile:
    """One run that compares calls that started at ``since`` or later; `run` may be called once."""

    settings: Settings
    observer: Observer
    since: datetime
    steps: Steps = field(default_factory=Steps)

    def run(self) -> RunReport:
        """List, compare, and fetch what differs; raises as `Backfill.run` does."""
        run = FetchRun(self.settings, "reconcile", self.observer, self.steps)
        began_at = datetime.now(UTC)
        with (
            ListingTurn(self.settings.landing_dir, self.observer.say) as turn,
            tempfile.TemporaryDirectory(prefix="call-ids-") as folder,
        ):
            halves = NumbersFirst(run, Path(folder), turn=turn)
            window = _Window(run, Path(folder), as_utc(self.since), began_at)
            run.on_record_end = lambda connection: window.record(connection, halves.lister)
            return halves.run(window.list_calls)


class _Window:
    """The calls that started from ``since`` until ``until``, both aware."""

    def __init__(self, run: FetchRun, folder: Path, since: datetime, until: datetime) -> None:
        self._run = run
        self._folder = folder
        self._since = since
        self._until = until
        self._is_listed = False

    async def list_calls(self, lister: Lister) -> None:
        """List the calls with a start in the window and those without any, and find what is gone."""
        await asyncio.to_thread(fill_listed_hashes, self._run)
        client = self._run.client
        filters = make_start_filter(to_epoch_ms(self._since), to_epoch_ms(self._until))
        async for page in list_newest_first(client, filters):
            await lister.take(page.items)
        await list_startless(client, lister)
        await self._find_gone(lister)
        self._is_listed = True

    def record(self, connection: Connection, lister: Lister) -> None:
        """Say in the report what was found; record it where all of it was put right, within the caller's
        transaction.
        """
        report, counts = self._run.report, lister.counts
        parameters = {"run_id": report.run_id}
        deleted = int(connection.exec_driver_sql(sql.read("runs/deleted_count"), parameters).scalar_one())
        report.compared = Compared(
            since=self._since.replace(tzinfo=None),
            until=self._until.replace(tzinfo=None),
            listed=counts.listed,
            unchanged=counts.listed - counts.missing - counts.changed,
            missing=counts.missing,
            changed=counts.changed,
            deleted=deleted,
            is_proved=self._is_listed
            and report.error is None
            and not report.is_interrupted
            and not report.problems
            and not report.outcomes.keys() & _OPEN,
        )
        if report.compared.is_proved:
            facts = parameters | {"proved_at": utc_now()} | report.compared.as_facts()
            connection.exec_driver_sql(sql.read("runs/reconciled"), facts)

    async def _find_gone(self, lister: Lister) -> None:
        """List by their ids the calls of the window that no page had, and fetch those that are not there."""
        file = self._folder / "unlisted.txt"
        parameters = {
            "spool": sql.escape_path(lister.spool),
            "since": self._since.replace(tzinfo=None),
            "until": self._until.replace(tzinfo=None),
        }
        number = await asyncio.to_thread(self._run.write_ids, {"gone": parameters}, file)
        unlisted = Plan.of_list(file, number)
        compared_count = 0
        with suppress(ListingFailed):  # where the listing takes no ids
            async for call_ids, items in list_by_ids(self._run.client, unlisted.ids(), _IDS_AT_ONCE):
                await lister.take(items)
                found = {item.call_id for item in items}
                lister.fetch(call_id for call_id in call_ids if call_id not in found)
                compared_count += len(call_ids)
        lister.fetch(islice(unlisted.ids(), compared_count, None))
