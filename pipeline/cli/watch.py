"""Runs that a person watches: progress on stderr while calls are fetched, messages while they are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO

from pipeline.cli import console
from pipeline.cli.progress import RunProgress
from pipeline.config import Settings
from pipeline.runs import backfill
from pipeline.runs.backfill import Backfill
from pipeline.runs.reconcile import Reconcile
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.runs.sync import Sync


def run_backfill(
    settings: Settings,
    sources: Iterable[str],
    stdin: BinaryIO,
    *,
    force: bool = False,
    numbers_only: bool = False,
    command: str = "backfill",
) -> RunReport:
    """Run a backfill with its progress on stderr."""
    with _show_progress() as observer:
        return Backfill(settings, observer, command, force, numbers_only).run(sources, stdin)


def run_refresh(settings: Settings) -> RunReport:
    """Fetch again what is not final, with its progress on stderr."""
    with _show_progress() as observer:
        return backfill.refresh(settings, observer)


def run_sync(
    settings: Settings, since: datetime | None, until: datetime | None, *, numbers_only: bool = False
) -> RunReport:
    """Fetch what is new since the last sync, with its progress on stderr."""
    with _show_progress() as observer:
        return Sync(settings, observer, since, until, numbers_only).run()


def run_reconcile(settings: Settings, since: datetime) -> RunReport:
    """Compare the account with the warehouse, with its progress on stderr."""
    with _show_progress() as observer:
        return Reconcile(settings, observer, since).run()


@contextmanager
def _show_progress() -> Iterator[Observer]:
    progress = RunProgress()
    try:
        yield Observer(
            say=console.say,
            on_plan=lambda plan: progress.add_total(plan.to_fetch),
            on_outcome=lambda outcome: progress.count_call(),
            on_requests=progress.set_retries,
            on_account=progress.set_account,
            on_load=progress.count_loaded,
        )
    finally:
        progress.stop()
