"""A run that fetches: it extracts while a thread loads what is landed.

Which calls are fetched is decided by `backfill`, `refresh` or `sync`. Whatever ends the extraction,
what is landed is loaded before the run ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import sql
from pipeline.errors import LimitMet, PipelineError, WarehouseLocked
from pipeline.extract.extraction import Extracted, Extraction
from pipeline.landing.outcome import Outcome
from pipeline.load.background import BackgroundLoader
from pipeline.process import signals
from pipeline.retell.client import CallsClient
from pipeline.runs.plan import Plan, make_plan, record_skipped, write_fetch_list
from pipeline.runs.run import LoadSteps, Run
from pipeline.times import utc_now
from pipeline.warehouse import schema

_LOADS_FIRST = "interrupted: loading what was fetched (Ctrl-C again leaves that to `python -m pipeline load`)"

# Whole calls that take less than that need no copy for readers in between.
_WORTH_PUBLISHING_S = 30.0

# Extracts what a plan fetches, and returns when it is landed.
Extract = Callable[[Plan], Awaitable[None]]


class Steps(LoadSteps):
    """Carries out the steps of a run in this process; `flows` has a kind that makes tasks of them."""

    async def extract(self, run: FetchRun, extraction: Extraction, plan: Plan) -> None:
        """Extract what the plan fetches; return when all of it is landed."""
        await extraction.run(plan.ids())


@dataclass
class FetchRun(Run):
    """One run that fetches, from its settings to its report; see `Run`."""

    steps: Steps = field(default_factory=Steps)
    client: CallsClient = field(init=False)
    _has_noted_rate: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.client = CallsClient.of(settings, concurrency=settings.concurrency, rate=settings.rate)
        super().__post_init__()

    def prepare(self) -> None:
        """Make sure that everything can be written, and load what earlier runs have left landed."""
        self.landing.check_writable()
        super().prepare()
        # Chunks of a run that was killed come first: their calls need not be fetched again.
        self.load_waiting(is_counted=False)

    def begin_with_plan(self, spool: Path, given: int, *, force: bool) -> Plan:
        """Record that the run begins, plan for the ids in the spool, and record the outcome of those left."""
        now = utc_now()
        with self.warehouse.writing(is_followed=True) as connection:
            schema.check_unchanged(connection)
            plan = make_plan(
                connection,
                spool,
                given,
                as_of=now,
                force=force,
                refresh_window_s=self.settings.refresh_window_s,
                refetch_after_s=self.settings.refetch_after_s,
            )
            record_skipped(connection, self.report.run_id, now)
            self.report.given += given
            self.report.requested += plan.requested
            self.report.to_fetch += plan.to_fetch
            self.record_start(connection)
        self.observer.on_plan(plan)
        return plan

    def write_ids(self, names: dict[str, dict[str, Any]], file: Path) -> int:
        """Write the ids that the last of some statements of `sql/runs/` selects to a file, one a line.

        ``names`` has them with their parameters, in their order. Returns how many ids there are.
        """
        with self.warehouse.reading() as connection:
            schema.check_unchanged(connection)
            for name, parameters in names.items():
                rows = connection.exec_driver_sql(sql.read(f"runs/{name}"), parameters)
            return write_fetch_list(rows, file)

    def settle_abandoned(self) -> int:
        """Settle the calls of which nothing new is to be expected; return how many there were."""
        with self.warehouse.writing(is_followed=True) as connection:
            connection.exec_driver_sql(sql.read("runs/undecided_calls"))
            settled = connection.exec_driver_sql(
                sql.read("runs/settle_abandoned"),
                {
                    "run_id": self.report.run_id,
                    "recorded_at": utc_now(),
                    "refresh_window_s": self.settings.refresh_window_s,
                },
            )
            return int(settled.scalar_one())

    def fetch(self, work: Callable[[Extract], Awaitable[None]]) -> None:
        """Run `work`, which extracts, while what it lands is loaded; return when all of it is loaded.

        What stops the extraction is noted in the report.
        """
        loader = BackgroundLoader(self.queue, self.load_waiting)
        loader.start()
        extraction = Extraction(
            self.report.run_id,
            self.landing,
            self.client,
            self.settings.chunk_size,
            self.settings.concurrency,
            on_outcome=self._tell_outcome,
            on_chunk=self.queue.put,
        )
        try:
            with self.note_what_stops():
                signals.run(lambda: self._with_client(work, extraction))
        finally:
            self._finish_loading(loader)
        stats = self.client.stats
        self.count(
            Extracted(extraction.counts, stats.requests, stats.retries, account_rate=stats.account_rate)
        )
        if isinstance(loader.error, PipelineError):
            self.report.error = self.report.error or LimitMet.find(loader.error) or loader.error
        else:
            loader.raise_error()

    def publish_numbers(self, listed: int, to_fetch: int) -> None:
        """Give readers what was listed, once it is loaded, where whole calls take long.

        `listed` is how many calls that are, `to_fetch` how many are to be fetched whole.
        """
        pace = self.client.stats.account
        if pace is None or to_fetch / pace.rate < _WORTH_PUBLISHING_S:
            return
        self.queue.wait_until_settled()
        if not self.queue.is_closed and self.report.calls_loaded:
            self._publish(at_the_end=True)
            self.observer.say(
                f"the numbers of {listed:,} calls are in the warehouse; {to_fetch:,} whole calls follow"
            )

    def note_progress(self) -> None:
        """Record that the account limits the run, as soon as that is known: it may go on for hours."""
        rate = self.client.stats.account_rate
        if rate is None or self._has_noted_rate:
            return
        with suppress(WarehouseLocked), self.warehouse.writing() as connection:
            connection.exec_driver_sql(
                sql.read("runs/set_allowed_rate"),
                {"run_id": self.report.run_id, "allowed_calls_per_second": rate},
            )
            self._has_noted_rate = True

    def count(self, extracted: Extracted) -> None:
        """Add what a part of the run fetched and sent to the report."""
        self.report.fetched_count += extracted.outcomes["accepted"]
        self.report.request_count += extracted.request_count
        self.report.retry_count += extracted.retry_count
        self.report.account_rate = extracted.account_rate or self.report.account_rate

    def interrupt(self, interruption: BaseException) -> None:
        """Note that somebody wants the run to end, and say that what was fetched is loaded first."""
        super().interrupt(interruption)
        self.observer.say(_LOADS_FIRST)

    async def _with_client(self, work: Callable[[Extract], Awaitable[None]], extraction: Extraction) -> None:
        async with self.client:
            await work(lambda plan: self.steps.extract(self, extraction, plan))

    def _finish_loading(self, loader: BackgroundLoader) -> None:
        while True:
            try:
                signals.raise_waiting()
                return loader.finish()
            except self.steps.interruptions as interruption:
                if self.report.is_interrupted:
                    raise
                self.interrupt(interruption)

    def _tell_outcome(self, outcome: Outcome) -> None:
        stats = self.client.stats
        if stats.account is not None:
            self.observer.on_account(stats.account)
        self.observer.on_outcome(outcome)
        self.observer.on_requests(stats.requests, stats.retries)
