"""One run that fetches: opens its record, extracts while a thread loads, and closes its record.

What is fetched is somebody else's choice (`backfill`, `refresh`, `sync`). Whatever ends the extraction,
what is landed is loaded before the run ends.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from pipeline import log
from pipeline.config import Settings
from pipeline.errors import PipelineError, WarehouseFailed, WarehouseLocked, WarehouseMismatch
from pipeline.extract.extraction import Extracted, Extraction
from pipeline.landing.folder import LandedChunk, Landing, Outcome
from pipeline.load import loads
from pipeline.load.background import BackgroundLoader
from pipeline.publish import readers_copy
from pipeline.retell.client import CallsClient
from pipeline.runs import cleanup, finish, record
from pipeline.runs.plan import Plan, make_plan, record_left
from pipeline.warehouse import queries, schema
from pipeline.warehouse.database import Warehouse

_LOADING_ON = "interrupted: loading what was fetched (Ctrl-C again leaves that to `python -m pipeline load`)"


@dataclass(frozen=True)
class Observer:
    """What a run tells while it goes on; every part may be left out."""

    say: Callable[[str], None] = lambda message: None
    on_plan: Callable[[Plan], None] = lambda plan: None
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    on_requests: Callable[[int, int], None] = lambda requests, retries: None
    on_load: Callable[[int], None] = lambda records: None


class Stages:
    """Carries out the stages of a run in this process; `flows` has a kind that makes tasks of them."""

    # What may interrupt a run: what arrived is then loaded and recorded.
    interruptions: tuple[type[BaseException], ...] = (KeyboardInterrupt,)
    interruption: BaseException | None = None

    async def extract(self, fetching: Fetching, extraction: Extraction, plan: Plan) -> None:
        """Extract what the plan fetches; return when all of it is landed."""
        await extraction.run(plan.ids())

    def load(self, load_pending: Callable[[], loads.Loaded]) -> loads.Loaded:
        """Load what is landed."""
        return load_pending()


# Extracts what a plan fetches, and returns when it is landed.
Extract = Callable[[Plan], Awaitable[None]]


@dataclass
class Fetching:
    """The state of one run that fetches, from its settings to its report.

    Raises ConfigurationError when it is made with settings that cannot be used.
    """

    settings: Settings
    observer: Observer
    command: str
    stages: Stages = field(default_factory=Stages)
    warehouse: Warehouse = field(init=False)
    landing: Landing = field(init=False)
    client: CallsClient = field(init=False)
    report: record.RunReport = field(init=False)
    _loader: BackgroundLoader | None = None
    # Set while there may be landed chunks that no load has met without a problem.
    _waiting: threading.Event = field(default_factory=threading.Event)
    _has_fetched: bool = False
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        settings = self.settings
        self.client = CallsClient.of(settings, concurrency=settings.concurrency, rate=settings.rate)
        self.landing = Landing.of(self.settings)
        self.warehouse = Warehouse.of(self.settings, self.observer.say)
        self.report = record.RunReport(record.new_run_id(), self.command, str(self.warehouse.path))
        log.bind(run_id=self.report.run_id)

    def prepare(self) -> None:
        """Make sure that everything can be written, and load what earlier runs have left landed."""
        self.landing.check_writable()
        cleanup.clear(self.settings)
        landed = self.landing.manifests()
        if landed:
            with schema.opened(self.warehouse, self.observer.say) as connection:
                is_waiting = not landed.keys() <= queries.loaded_chunks(connection)
        else:
            schema.ensure(self.warehouse, self.observer.say)
            is_waiting = False
        if is_waiting or self.landing.orphans():
            self._waiting.set()
        # Chunks of a run that was killed come first: their calls need not be fetched again.
        self.report.problems = self._load_waiting().problems

    def begin(self) -> None:
        """Record that the run begins, where its first plan is not made yet."""
        with self.warehouse.writing() as connection:
            record.begin(connection, self.report)

    def plan(self, spool: Path, given: int, *, force: bool, begins: bool = False) -> Plan:
        """Plan for the ids in the spool, and record the outcome of those that are left.

        With `begins` this is also when the record of the run begins.
        """
        now = record.utc_now()
        with self.warehouse.writing() as connection:
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
            record_left(connection, self.report.run_id, now)
            self.report.given += given
            self.report.requested += plan.requested
            self.report.to_fetch += plan.to_fetch
            if begins:
                record.begin(connection, self.report)
        return plan

    def fetch(self, work: Callable[[Extract], Awaitable[None]]) -> None:
        """Run `work`, which extracts, while what it lands is loaded; note in the report what stopped it."""
        self._loader = BackgroundLoader(self._load_waiting)
        self._loader.start()
        extraction = Extraction(
            self.report.run_id,
            self.landing,
            self.client,
            self.settings.chunk_size,
            self.settings.concurrency,
            on_outcome=self._tell,
            on_chunk=self.landed,
        )
        try:
            asyncio.run(self._with_client(work, extraction))
        except self.stages.interruptions as interruption:
            self._interrupt(interruption)
        except PipelineError as stopped:
            self.report.error = stopped
        finally:
            self._finish_loading(self._loader)
        stats = self.client.stats
        self.count(Extracted(extraction.counts, stats.requests, stats.retries))
        loader = self._loader
        self.report.problems = loader.problems
        if isinstance(loader.error, PipelineError):
            self.report.error = self.report.error or loader.error
        else:
            loader.raise_error()

    def landed(self, chunk: LandedChunk) -> None:
        """Say that a chunk is landed and may be loaded."""
        self._waiting.set()
        if self._loader is not None:
            self._loader.arrivals.put(chunk)

    def count(self, extracted: Extracted) -> None:
        """Add what a part of the run fetched and sent to the report."""
        self.report.fetched_count += extracted.outcomes["accepted"]
        self.report.request_count += extracted.request_count
        self.report.retry_count += extracted.retry_count

    def end(self, spool: Path) -> record.RunReport:
        """Record how the run ended for the ids in the spool; return its report."""
        notes = spool.with_name("outcomes.jsonl")

        def read(connection: Connection) -> None:
            record.read_outcomes(connection, self.report, spool)
            if log.is_on(log.DEBUG):
                record.note_outcomes(connection, self.report, notes)

        try:
            if isinstance(self.report.error, WarehouseLocked):
                raise self.report.error  # it was waited for just now
            finish.end(self.warehouse, self.settings, self.report, read)
        except (WarehouseLocked, WarehouseMismatch, WarehouseFailed) as refused:
            # Nothing can be recorded, but what was landed tells how the ids stand.
            self.report.error = refused
            record.read_landed(self.report, self.landing.outcomes(self.report.run_id))
        self.report.duration_s = time.monotonic() - self._started
        if notes.exists():
            record.tell_outcomes(notes)
        self.report.tell()
        return self.report

    async def _with_client(self, work: Callable[[Extract], Awaitable[None]], extraction: Extraction) -> None:
        async with self.client:
            await work(lambda plan: self.stages.extract(self, extraction, plan))

    def _load_waiting(self) -> loads.Loaded:
        """Load what is landed as a stage; one that would find nothing is left out, for what it costs."""
        if not self._waiting.is_set():
            return loads.Loaded()
        try:
            loaded = self.stages.load(self._load_pending)
        except BaseException:
            self._waiting.set()
            raise
        if loaded.problems:
            self._waiting.set()
        return loaded

    def _load_pending(self) -> loads.Loaded:
        # Before the load looks: what is landed from now on may be for the next one.
        self._waiting.clear()
        arrivals = None if self._loader is None else self._loader.arrivals
        failed: list[str] = []

        def on_load(one: loads.Loaded) -> None:
            self._tell_load(one)
            # At the end of a run a copy is made as it is.
            if not self._has_fetched:
                failed.extend(readers_copy.if_due(self.warehouse, self.settings))

        loaded = loads.load_pending(
            self.warehouse,
            self.landing,
            refresh_window_s=self.settings.refresh_window_s,
            arrivals=arrivals,
            on_load=on_load,
        )
        if arrivals is not None and arrivals.is_over:
            self._waiting.clear()
        loaded.problems += dict.fromkeys(failed)
        return loaded

    def _finish_loading(self, loader: BackgroundLoader) -> None:
        self._has_fetched = True
        while True:
            try:
                return loader.finish()
            except self.stages.interruptions as interruption:
                if self.report.is_interrupted:
                    raise
                self._interrupt(interruption)

    def _interrupt(self, interruption: BaseException) -> None:
        self.stages.interruption = interruption
        self.report.is_interrupted = True
        self.warehouse.in_a_hurry.set()
        self.observer.say(_LOADING_ON)

    def _tell_load(self, one: loads.Loaded) -> None:
        # What earlier runs have left landed is no part of this run's report.
        if self._loader is not None:
            self.report.count_load(one)
        self.observer.on_load(one.records)

    def _tell(self, outcome: Outcome) -> None:
        self.observer.on_outcome(outcome)
        stats = self.client.stats
        self.observer.on_requests(stats.requests, stats.retries)
