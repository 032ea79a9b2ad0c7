"""A backfill from ids to rows: plan, extract and load at the same time, report.

This is the composition that the command line and the flows share; the stages know nothing of each other.
Whatever ends the extraction, what is landed is loaded before the run ends.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection

from pipeline import load, runs, schema, tables
from pipeline.client import CallsClient
from pipeline.config import Settings
from pipeline.errors import PipelineError, WarehouseLocked, WarehouseMismatch
from pipeline.extract import Extraction
from pipeline.ids import spool_ids
from pipeline.landing import Landing, Outcome
from pipeline.loader import BackgroundLoader
from pipeline.plan import Plan, make_plan, record_left
from pipeline.warehouse import Warehouse

_LOADING_ON = "interrupted: loading what was fetched (Ctrl-C again leaves that to `python -m pipeline load`)"


@dataclass(frozen=True)
class Observer:
    """What a run tells while it goes on; every part may be left out."""

    say: Callable[[str], None] = lambda message: None
    on_plan: Callable[[Plan], None] = lambda plan: None
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    on_requests: Callable[[int, int], None] = lambda requests, retries: None
    on_load: Callable[[int], None] = lambda records: None


@dataclass(frozen=True)
class Backfill:
    """One run of a backfill; `run` may be called once."""

    settings: Settings
    observer: Observer = Observer()
    command: str = "backfill"
    force: bool = False

    def run(self, sources: Iterable[str], stdin: TextIO) -> runs.RunReport:
        """Fetch and load the calls whose ids the sources name; see `ids.read_ids` for what a source is.

        Raises UsageError, ConfigurationError and WarehouseError before anything is fetched. What stops the
        run later is in the report's `error`, an interruption in `is_interrupted`; in both cases what
        arrived is loaded.
        """
        started = time.monotonic()
        client = self._client()
        landing = Landing(self.settings.landing_dir, self.settings.quarantine_dir)
        warehouse = Warehouse.of(self.settings, self.observer.say)
        report = runs.RunReport(runs.new_run_id(), self.command, str(warehouse.path))
        with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
            spool = Path(folder) / "ids.csv"
            report.given = spool_ids(sources, stdin, spool)
            landing.check_writable()
            schema.ensure(warehouse, self.observer.say)
            # Chunks of a run that was killed come first: their calls need not be fetched again.
            report.problems = self._load_pending(warehouse, landing).problems
            plan = self._plan(warehouse, report, spool)
            self.observer.on_plan(plan)
            if plan.to_fetch:
                self._extract_and_load(client, plan, warehouse, landing, report)
            self._record_end(warehouse, landing, report, spool)
        report.duration_s = time.monotonic() - started
        return report

    def _record_end(
        self, warehouse: Warehouse, landing: Landing, report: runs.RunReport, spool: Path
    ) -> None:
        try:
            if isinstance(report.error, WarehouseLocked):
                raise report.error  # it was waited for just now
            with warehouse.writing() as connection:
                runs.read_outcomes(connection, report, spool)
                runs.finish(connection, report)
        except WarehouseLocked as locked:
            # Nothing can be recorded, but what was landed tells how the ids stand.
            report.error = locked
            runs.read_landed(report, landing.outcomes(report.run_id))

    def _client(self) -> CallsClient:
        return CallsClient(
            base_url=self.settings.base_url,
            api_key=self.settings.require_key(),
            api_version=self.settings.api_version,
            concurrency=self.settings.concurrency,
            rate=self.settings.rate,
        )

    def _load_pending(self, warehouse: Warehouse, landing: Landing) -> load.Loaded:
        return load.load_pending(
            warehouse,
            landing,
            refresh_window_s=self.settings.refresh_window_s,
            on_load=self.observer.on_load,
        )

    def _plan(self, warehouse: Warehouse, report: runs.RunReport, spool: Path) -> Plan:
        now = runs.utc_now()
        with warehouse.writing() as connection:
            plan = make_plan(
                connection,
                spool,
                report.given,
                as_of=now,
                force=self.force,
                refresh_window_s=self.settings.refresh_window_s,
                refetch_after_s=self.settings.refetch_after_s,
            )
            report.requested, report.to_fetch = plan.requested, plan.to_fetch
            runs.begin(connection, report)
            record_left(connection, report.run_id, now)
        return plan

    def _extract_and_load(
        self,
        client: CallsClient,
        plan: Plan,
        warehouse: Warehouse,
        landing: Landing,
        report: runs.RunReport,
    ) -> None:
        loader = BackgroundLoader(lambda: self._load_pending(warehouse, landing))
        loader.start()
        extraction = Extraction(
            report.run_id,
            landing,
            client,
            self.settings.chunk_size,
            self.settings.concurrency,
            on_outcome=lambda outcome: self._tell(client, outcome),
            on_chunk=lambda chunk: loader.wake(),
        )
        try:
            asyncio.run(_extract(client, extraction, plan))
        except KeyboardInterrupt:
            report.is_interrupted = True
            warehouse.in_a_hurry.set()
            self.observer.say(_LOADING_ON)
        except PipelineError as stopped:
            report.error = stopped
        finally:
            self._finish_loading(loader, warehouse, report)
        report.request_count, report.retry_count = client.stats.requests, client.stats.retries
        report.fetched_count = extraction.counts["accepted"]
        report.chunks_loaded, report.calls_loaded = loader.loaded.chunks, loader.loaded.records
        report.problems = loader.loaded.problems
        if isinstance(loader.error, PipelineError):
            report.error = report.error or loader.error
        else:
            loader.raise_error()

    def _finish_loading(self, loader: BackgroundLoader, warehouse: Warehouse, report: runs.RunReport) -> None:
        while True:
            try:
                return loader.finish()
            except KeyboardInterrupt:
                if report.is_interrupted:
                    raise
                report.is_interrupted = True
                warehouse.in_a_hurry.set()
                self.observer.say(_LOADING_ON)

    def _tell(self, client: CallsClient, outcome: Outcome) -> None:
        self.observer.on_outcome(outcome)
        self.observer.on_requests(client.stats.requests, client.stats.retries)


async def _extract(client: CallsClient, extraction: Extraction, plan: Plan) -> None:
    async with client:
        await extraction.run(plan.ids())


def dry_run(settings: Settings, sources: Iterable[str], stdin: TextIO, *, force: bool = False) -> Plan:
    """Return what a backfill of these ids would do, without a request and without writing anything.

    The plan's list of ids is gone when this returns. Raises what `Backfill.run` raises before it fetches.
    """
    warehouse = Warehouse.of(settings)
    with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
        spool = Path(folder) / "ids.csv"
        given = spool_ids(sources, stdin, spool)
        with _planning_connection(warehouse) as connection:
            return make_plan(
                connection,
                spool,
                given,
                as_of=runs.utc_now(),
                force=force,
                refresh_window_s=settings.refresh_window_s,
                refetch_after_s=settings.refetch_after_s,
            )


@contextmanager
def _planning_connection(warehouse: Warehouse) -> Iterator[Connection]:
    """Open the warehouse to plan against; an empty one in memory stands for one that is not there yet."""
    if warehouse.exists:
        with warehouse.reading() as connection:
            if not schema.is_current(connection):
                raise WarehouseMismatch("the warehouse has an older schema: run `migrate` first")
            yield connection
    else:
        with Warehouse.in_memory().exclusive() as connection:
            tables.metadata.create_all(connection)
            schema.apply_views(connection)
            yield connection
