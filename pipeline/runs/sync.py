"""Discovers new calls by listing them, fetches them, and remembers how far it came.

The watermark moves only after the calls of a page are landed, so an interrupted sync asks again for what it
did not land and never skips a call. It goes back a little behind the watermark: calls can appear late.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.atomic import explain_write_errors, write_atomically
from pipeline.config import Settings
from pipeline.errors import LandingError, UsageError
from pipeline.retell.listing import Page, make_start_filter, make_status_filter
from pipeline.runs.fetch import Extract, FetchRun, Steps
from pipeline.runs.plan import Plan
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.times import as_utc, to_epoch_ms

# Small enough that a page of today's calls stays well below the limit of one answer.
_PAGE = 500


@dataclass(frozen=True)
class Watermark:
    """How far the listing of calls has been landed, kept in a file beside the landing folder."""

    path: Path

    def read(self) -> datetime | None:
        """Return the start of the latest call that was listed and landed, or None before the first sync."""
        try:
            return datetime.fromisoformat(json.loads(self.path.read_bytes())["started_at"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise LandingError(
                f"the watermark {self.path} cannot be read: remove it and say with --since where to begin",
                path=self.path,
            ) from None

    def advance(self, started_at: datetime) -> None:
        """Move the watermark forward; it never moves back."""
        known = self.read()
        if known is None or started_at > known:
            content = json.dumps({"started_at": started_at.isoformat()})
            with explain_write_errors(self.path.parent):
                write_atomically(self.path, content.encode() + b"\n")


@dataclass
class Sync:
    """One run of a sync; `run` may be called once."""

    settings: Settings
    observer: Observer
    since: datetime | None = None
    until: datetime | None = None
    steps: Steps = field(default_factory=Steps)

    def run(self) -> RunReport:
        """List, fetch and load the calls that are new; raises as `Backfill.run` does.

        Moments without a zone are UTC.
        """
        self.since = as_utc(self.since) if self.since else None
        self.until = as_utc(self.until) if self.until else None
        if self.since is not None and self.until is not None and self.until < self.since:
            raise UsageError("--until is before --since: swap them")
        run = FetchRun(self.settings, "sync", self.observer, self.steps)
        watermark = Watermark(self.settings.data_dir / "sync.json")
        known = watermark.read()
        since = self.since
        if since is None and known is not None:
            since = known - timedelta(seconds=self.settings.sync_lookback_s)
        # A window that was asked for says nothing of the calls before it.
        moves = self.since is None or (known is not None and self.since <= known)
        with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
            pages = _Pages(run, Path(folder), watermark if moves or known is None else None)
            return run.carry_out(
                run.begin,
                lambda _: run.fetch(lambda extract: pages.follow(extract, since, self.until)),
                pages.spool,
            )


class _Pages:
    """Follows the pages of a listing, and fetches the calls of each before it asks for the next."""

    def __init__(self, run: FetchRun, folder: Path, watermark: Watermark | None) -> None:
        self.spool = folder / "ids.csv"
        self.spool.touch()
        self._page_spool = folder / "page.csv"
        self._run = run
        self._watermark = watermark

    async def follow(self, extract: Extract, since: datetime | None, until: datetime | None) -> None:
        client = self._run.client
        filters = make_start_filter(to_epoch_ms(since) if since else 0, to_epoch_ms(until) if until else None)
        async for page in client.list_all(filters, ascending=True, limit=_PAGE):
            await self._fetch(extract, page)
            starts = [start for start in page.start_ms if start is not None]
            if starts and self._watermark is not None:
                self._watermark.advance(datetime.fromtimestamp(max(starts) / 1000, UTC))
        if until is not None:
            return
        # Calls that never connected have no start, so no window of time holds them. The listing puts the
        # newest first; a page that brings nothing new is followed by older ones.
        async for page in client.list_all(make_status_filter("not_connected"), ascending=False, limit=_PAGE):
            if (await self._fetch(extract, page)).to_fetch == 0:
                return

    async def _fetch(self, extract: Extract, page: Page) -> Plan:
        """Fetch and land the calls of a page that are not final yet."""
        with self._page_spool.open("w", encoding="ascii") as lines:
            lines.writelines(f"{position},{call_id}\n" for position, call_id in enumerate(page.call_ids))
        with self.spool.open("ab") as all_ids:
            all_ids.write(self._page_spool.read_bytes())
        plan = self._run.plan(self._page_spool, len(page.call_ids), force=False)
        await extract(plan)
        return plan
