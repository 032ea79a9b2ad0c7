"""Discovers new calls by listing them, fetches them whole, and remembers how far the listing came.

What is listed is landed at once and is in the ledger of ids from then on, so no call is forgotten that was
ever listed, whatever keeps it from being fetched. The newest calls come first. The listing goes back a little
behind the watermark, because calls can appear late.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from pipeline.config import Settings
from pipeline.errors import UsageError
from pipeline.retell.client import CallsClient
from pipeline.retell.listing import make_start_filter
from pipeline.runs.fetch import FetchRun, Steps
from pipeline.runs.listing import Lister, list_newest_first, list_startless
from pipeline.runs.listing_turn import ListingTurn
from pipeline.runs.numbers_first import NumbersFirst
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.runs.sync_state import Gap, SyncFile
from pipeline.times import as_utc, to_epoch_ms


@dataclass
class Sync:
    """One run of a sync; `run` may be called once.

    `numbers_only` leaves the whole calls to the next run.
    """

    settings: Settings
    observer: Observer = field(default_factory=Observer)
    since: datetime | None = None
    until: datetime | None = None
    numbers_only: bool = False
    steps: Steps = field(default_factory=Steps)

    def run(self) -> RunReport:
        """List, fetch and load the calls that are new or changed; raises as `Backfill.run` does.

        Moments without a zone are UTC.
        """
        self.since = as_utc(self.since) if self.since else None
        self.until = as_utc(self.until) if self.until else None
        if self.since is not None and self.until is not None and self.until < self.since:
            raise UsageError("--until is before --since: swap them")
        run = FetchRun(self.settings, "sync", self.observer, self.steps)
        with ListingTurn(self.settings.landing_dir, self.observer.say) as turn:
            return self._run(run, turn)

    def _run(self, run: FetchRun, turn: ListingTurn) -> RunReport:
        file = SyncFile(self.settings.data_dir / "sync.json", self.observer.say)
        file.state = file.state.drop_future_moments(datetime.now(UTC))
        known = file.state.watermark
        if self.since is not None and known is not None and self.since > known:
            # A window that was asked for says nothing of the calls before it.
            file = SyncFile(None)
        gap = self._make_gap(known)
        if gap.until_ms is not None and gap.until_ms < gap.since_ms:
            raise UsageError("--until is before the time at which this sync begins: give --since too")
        with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
            halves = NumbersFirst(run, Path(folder), turn=turn, numbers_only=self.numbers_only)

            async def list_calls(lister: Lister) -> None:
                await list_gaps(run.client, lister, file, gap)
                if self.until is None:
                    await list_startless(run.client, lister, known_before=file.state.swept_at)
                    file.save(replace(file.state, swept_at=datetime.now(UTC)))

            return halves.run(list_calls)

    def _make_gap(self, known: datetime | None) -> Gap:
        since_ms = 0
        if self.since is not None:
            since_ms = to_epoch_ms(self.since)
        elif known is not None:
            since_ms = max(0, to_epoch_ms(known) - int(self.settings.sync_lookback_s * 1000))
        return Gap(since_ms, to_epoch_ms(self.until) if self.until else None)


async def list_gaps(client: CallsClient, lister: Lister, file: SyncFile, gap: Gap) -> None:
    """List a time and then all that is not listed yet, the newest calls first.

    The file keeps how far that has come.
    """
    file.save(file.state.open_gap(gap))
    while file.state.gaps:
        gap = file.state.gaps[0]
        async for page in list_newest_first(client, make_start_filter(gap.since_ms, gap.until_ms)):
            await lister.take(page.items)
            starts = [item.start_ms for item in page.items if item.start_ms is not None]
            # An item may say a start that is still to come: calls are listed until then that start before it.
            now_ms = to_epoch_ms(datetime.now(UTC))
            state = file.state.move_watermark(max((ms for ms in starts if ms <= now_ms), default=None))
            # Of a page that is out of order it is not known what comes after it.
            if starts and all(earlier >= later for earlier, later in pairwise(starts)):
                # The next page begins there; calls that started at the same moment may be on both.
                narrowed = replace(gap, until_ms=max(gap.since_ms, starts[-1]))
                state, gap = state.narrow_gap(gap, narrowed), narrowed
            file.save(state)
        file.save(file.state.narrow_gap(gap, None))
