"""What the commands have in common: open the warehouse as they need it, watch a run, record it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import Connection

from pipeline import log
from pipeline.cli import console
from pipeline.config import Settings
from pipeline.errors import (
    PipelineError,
    WarehouseError,
    WarehouseFailed,
    WarehouseLocked,
    WarehouseMismatch,
    WarehouseMissing,
)
from pipeline.landing.folder import Landing
from pipeline.load import loads
from pipeline.publish import readers_copy
from pipeline.runs import backfill, cleanup, finish, record, replay
from pipeline.runs.backfill import Backfill
from pipeline.runs.run import Observer
from pipeline.runs.sync import Sync
from pipeline.warehouse import checks, schema
from pipeline.warehouse.database import Warehouse

if TYPE_CHECKING:
    from pipeline.warehouse.compact import Compacted


@contextmanager
def opened(settings: Settings, say: Callable[[str], None] = console.say) -> Iterator[Connection]:
    """Open the warehouse to read it, upgraded to this version first; raise WarehouseMissing without one."""
    with schema.opened(_existing(settings, say), say) as connection:
        yield connection


def _existing(settings: Settings, say: Callable[[str], None]) -> Warehouse:
    warehouse = Warehouse.of(settings, say)
    if not warehouse.exists:
        raise WarehouseMissing(str(warehouse.path))
    return warehouse


def _upgraded(settings: Settings, say: Callable[[str], None]) -> Warehouse:
    warehouse = _existing(settings, say)
    schema.ensure(warehouse, say)
    return warehouse


def checked(settings: Settings, say: Callable[[str], None] = console.say) -> list[checks.CheckResult]:
    """Return the result of every check of the warehouse, and record it; raises as `opened` does."""
    warehouse = _existing(settings, say)
    with schema.opened(warehouse, say) as connection:
        results = checks.run_checks(connection)
    # The result is what was asked for: a notebook that holds the warehouse does not hold it up for long.
    warehouse.in_a_hurry.set()
    try:
        with warehouse.writing() as connection:
            checks.record(connection, results, record.utc_now())
    except WarehouseError as refused:
        say(f"the view freshness goes on showing what the last check found: {refused}")
    return results


def watched_backfill(
    settings: Settings,
    sources: Iterable[str],
    stdin: TextIO,
    *,
    force: bool = False,
    command: str = "backfill",
) -> record.RunReport:
    """Run a backfill with its progress on stderr."""
    with _watching() as observer:
        return Backfill(settings, observer, command, force).run(sources, stdin)


def watched_refresh(settings: Settings) -> record.RunReport:
    """Fetch again what is not final, with its progress on stderr."""
    with _watching() as observer:
        return backfill.refresh(settings, observer)


def watched_sync(settings: Settings, since: datetime | None, until: datetime | None) -> record.RunReport:
    """Fetch what is new since the last sync, with its progress on stderr."""
    with _watching() as observer:
        return Sync(settings, observer, since, until).run()


@contextmanager
def _watching() -> Iterator[Observer]:
    progress = console.RunProgress()
    try:
        yield Observer(
            say=console.say,
            on_plan=lambda plan: progress.extend(plan.to_fetch),
            on_outcome=lambda outcome: progress.advance(),
            on_requests=progress.requests,
            on_load=progress.loaded,
        )
    finally:
        progress.stop()


def published(settings: Settings) -> readers_copy.Published:
    """Replace the readers' copy, of a warehouse upgraded to this version; raises as `opened` does."""
    return readers_copy.publish(_upgraded(settings, console.say), settings.readers_copy)


def compacted(settings: Settings) -> Compacted:
    """Rewrite the file of a warehouse upgraded to this version; raises as `opened` does."""
    # Only this command declares the tables, which takes long.
    from pipeline.warehouse import compact

    return compact.compact(_upgraded(settings, console.say))


def load_landed(settings: Settings) -> record.RunReport:
    """Load the landed chunks that wait, as a run of its own."""
    return _recorded(
        settings,
        "load",
        lambda warehouse, landing, report: loads.load_pending(
            warehouse, landing, refresh_window_s=settings.refresh_window_s, on_load=report.count_load
        ),
    )


def replay_landed(settings: Settings) -> record.RunReport:
    """Normalise all landed payloads again, as a run of its own."""
    return _recorded(
        settings,
        "replay",
        lambda warehouse, landing, report: loads.replay_landed(
            warehouse, landing, refresh_window_s=settings.refresh_window_s, on_load=report.count_load
        ),
    )


def replay_quarantine(settings: Settings) -> record.RunReport:
    """Try the quarantined payloads again and load those that pass, as a run of its own."""

    def stage(warehouse: Warehouse, landing: Landing, report: record.RunReport) -> loads.Loaded:
        passed, left = replay.retry_quarantine(warehouse, landing, report.run_id, settings.chunk_size)
        console.say(f"{passed:,} quarantined calls pass now, {left:,} are still rejected")
        return loads.load_pending(
            warehouse, landing, refresh_window_s=settings.refresh_window_s, on_load=report.count_load
        )

    return _recorded(settings, "replay", stage)


def _recorded(
    settings: Settings,
    command: str,
    stage: Callable[[Warehouse, Landing, record.RunReport], loads.Loaded],
) -> record.RunReport:
    """Run a stage that loads between the two ends of a run's record."""
    started = time.monotonic()
    warehouse, landing = Warehouse.of(settings, console.say), Landing.of(settings)
    report = record.RunReport(record.new_run_id(), command, str(warehouse.path))
    log.bind(run_id=report.run_id)
    cleanup.clear(settings)
    schema.ensure(warehouse, console.say)
    with warehouse.writing() as connection:
        record.begin(connection, report)
    try:
        report.problems = stage(warehouse, landing, report).problems
    except KeyboardInterrupt:
        # The load under way was rolled back; what was loaded before it stays.
        report.is_interrupted = True
        warehouse.in_a_hurry.set()
    except PipelineError as stopped:
        report.error = stopped
    try:
        finish.end(warehouse, settings, report)
    except (WarehouseLocked, WarehouseMismatch, WarehouseFailed) as refused:
        report.error = report.error or refused
    report.duration_s = time.monotonic() - started
    report.tell()
    return report
