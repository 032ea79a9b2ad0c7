"""Backfills and refreshes: the calls are known by id, from the user or from the warehouse."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from pipeline.config import Settings
from pipeline.errors import WarehouseMismatch
from pipeline.extract.given_ids import land_given
from pipeline.runs.by_id import ById
from pipeline.runs.fetch import FetchRun, Steps
from pipeline.runs.ids import spool_ids
from pipeline.runs.numbers_first import NumbersFirst
from pipeline.runs.plan import Plan, make_plan
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.times import utc_now
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse

_ABANDONED = "never ended, or were never analysed within the refresh window: they are not asked for any more"


@dataclass(frozen=True)
class Backfill:
    """One run of a backfill; `run` may be called once."""

    settings: Settings
    observer: Observer = field(default_factory=Observer)
    command: str = "backfill"
    force: bool = False
    numbers_only: bool = False
    steps: Steps = field(default_factory=Steps)

    def run(self, sources: Iterable[str], stdin: BinaryIO) -> RunReport:
        """Fetch and load the calls whose ids the sources name; see `ids.read_ids` for what a source is.

        Raises UsageError, ConfigurationError and WarehouseError before anything is fetched. What stops the
        run later is in the report's `error`, an interruption in `is_interrupted`; in both cases what
        arrived is loaded.
        """
        run = FetchRun(self.settings, self.command, self.observer, self.steps)
        with _spool() as spool:
            given = spool_ids(sources, stdin, spool)
            return run.carry_out(
                lambda: run.begin_with_plan(spool, given, force=self.force),
                lambda plan: self._work(run, plan),
                spool,
            )

    def _work(self, run: FetchRun, plan: Plan) -> None:
        if not plan.to_fetch:
            return
        for chunk in land_given(run.landing, run.report.run_id, plan.ids()):
            run.queue.put(chunk, is_reason_to_load=False)
        by_id = ById(run, plan, numbers_only=self.numbers_only)
        run.fetch(by_id.fetch)


def refresh(settings: Settings, observer: Observer, steps: Steps | None = None) -> RunReport:
    """Fetch again and load the calls that are not final, and the ids that are open.

    Raises as `Backfill.run` does.
    """
    run = FetchRun(settings, "refresh", observer, steps or Steps())
    with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
        halves = NumbersFirst(run, Path(folder))

        def begin() -> int:
            run.begin()
            return run.settle_abandoned()

        def work(settled: int) -> None:
            if settled:
                observer.say(f"{settled:,} calls {_ABANDONED}")
            run.fetch(lambda extract: halves.carry_out(extract, with_not_final=True))

        return run.carry_out(begin, work, halves.lister.spool)


def dry_run(settings: Settings, sources: Iterable[str], stdin: BinaryIO, *, force: bool = False) -> Plan:
    """Return what a backfill of these ids would do, without a request and without writing anything.

    The plan's list of ids is gone when this returns. Raises what `Backfill.run` raises before it fetches.
    """
    warehouse = Warehouse.of(settings)
    with _spool() as spool:
        given = spool_ids(sources, stdin, spool)
        with _planning_connection(warehouse) as connection:
            return make_plan(
                connection,
                spool,
                given,
                as_of=utc_now(),
                force=force,
                refresh_window_s=settings.refresh_window_s,
                refetch_after_s=settings.refetch_after_s,
            )


@contextmanager
def _spool() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="call-ids-") as folder:
        yield Path(folder) / "ids.csv"


@contextmanager
def _planning_connection(warehouse: Warehouse) -> Iterator[Connection]:
    """Open the warehouse to plan against; an empty one in memory stands for one that is not there yet."""
    if warehouse.exists:
        with warehouse.reading() as connection:
            if not schema.is_current(connection):
                raise WarehouseMismatch("the warehouse has an older schema: run `migrate` first")
            yield connection
    else:
        # The tables take long to declare, and a run finds them in the warehouse.
        from pipeline.warehouse import tables

        with Warehouse.in_memory().exclusive() as connection:
            tables.metadata.create_all(connection)
            schema.apply_views(connection)
            yield connection
