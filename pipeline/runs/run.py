"""The life of a run, with or without the network: clear up, migrate, begin, work, load, end, publish.

Whatever stops the work (Ctrl-C, an error of ours) is noted in the report, and the end is recorded all the
same.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from pipeline import log
from pipeline.config import Settings
from pipeline.errors import LimitMet, PipelineError, WarehouseFailed, WarehouseLocked, WarehouseMismatch
from pipeline.landing.folder import Landing
from pipeline.landing.merge import find_merged
from pipeline.landing.outcome import Outcome
from pipeline.load import loads
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.load.waiting import Waiting, find_waiting, note_settled
from pipeline.publish import readers_copy
from pipeline.receive.land import land_segments
from pipeline.runs import cleanup, record
from pipeline.runs.plan import Plan
from pipeline.runs.run_report import RunReport
from pipeline.warehouse import schema, stored_results
from pipeline.warehouse.database import Warehouse

T = TypeVar("T")
_ODD_SHOWN = 3


class Pace(Protocol):
    """What an account lets through, as of one moment: work without the network knows no more of it."""

    @property
    def rate(self) -> float:
        """Calls a second."""
        ...

    @property
    def is_holding(self) -> bool:
        """Whether calls had to wait for it lately."""
        ...

    def estimate_s(self, calls: int) -> float:
        """Return the seconds until so many more calls are let through."""
        ...


@dataclass(frozen=True)
class Observer:
    """Who is told what a run does while it goes on; every part may be left out."""

    say: Callable[[str], None] = lambda message: None
    on_plan: Callable[[Plan], None] = lambda plan: None
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    on_requests: Callable[[int, int], None] = lambda requests, retries: None
    on_account: Callable[[Pace], None] = lambda pace: None
    # How many whole calls a load has loaded.
    on_load: Callable[[int], None] = lambda calls: None


class LoadSteps:
    """Carries out the loads of a run in this process."""

    # What may interrupt a run: what arrived is then loaded and recorded.
    interruptions: tuple[type[BaseException], ...] = (KeyboardInterrupt,)
    interruption: BaseException | None = None

    def load(self, load_waiting: Callable[[], loads.Loaded]) -> loads.Loaded:
        """Load what is landed."""
        return load_waiting()


@dataclass
class Run:
    """One run, from its settings to its report; `carry_out` may be called once.

    Raises ConfigurationError when it is made with settings that cannot be used.
    """

    settings: Settings
    command: str
    observer: Observer = field(default_factory=Observer)
    steps: LoadSteps = field(default_factory=LoadSteps)
    # Made here, where none is given.
    run_id: str = ""
    warehouse: Warehouse = field(init=False)
    landing: Landing = field(init=False)
    report: RunReport = field(init=False)
    queue: ChunkQueue = field(init=False, default_factory=ChunkQueue)
    # What was landed and not loaded when the run began.
    waiting: Waiting = field(init=False)
    # Told of the connection before the end is recorded in it.
    on_record_end: Callable[[Connection], None] | None = field(init=False, default=None)
    # Whether its ids are those that it lists: what is known of them then counts, although nobody asked again.
    is_listing: bool = field(init=False, default=False)
    _publish_problem: str | None = field(init=False, default=None)
    _started: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.warehouse = Warehouse.of(self.settings, self.observer.say)
        self.landing = Landing.of(self.settings)
        self.run_id = self.run_id or record.new_run_id()
        self.report = RunReport(self.run_id, self.command, str(self.warehouse.path))
        log.bind(run_id=self.report.run_id)

    def carry_out(
        self, begin: Callable[[], T], work: Callable[[T], None], spool: Path | None = None
    ) -> RunReport:
        """Carry out a run from its preparation to its end; return its report.

        `begin` records that the run begins and returns what `work` needs; `spool` has the ids that were asked
        for, where there are any. Raises PipelineError for what keeps the run from beginning; what stops it
        later is in the report.
        """
        self.prepare()
        begun = begin()
        with self.note_what_stops():
            work(begun)
        return self.end(spool)

    def prepare(self) -> None:
        """Clear up after killed runs, bring the schema to this version, and find the chunks that wait."""
        self._land_deserted_events()
        with schema.open_current(
            self.warehouse, self.observer.say, before_change=self._note_change
        ) as connection:
            self.waiting = find_waiting(connection, self.landing)
            if cleanup.clear_leftovers(self.settings, self.waiting.found):
                self.waiting = find_waiting(connection, self.landing)
        self.queue = ChunkQueue(self.waiting.manifests.values())
        self.report.problems = [_describe_orphan(path) for path in self.waiting.orphans]
        if self.waiting.odd:
            self.observer.say(_describe_odd(self.waiting.odd))

    def _land_deserted_events(self) -> None:
        """Land what was received by a process that was killed before it had."""
        folder, opted_out = self.settings.received_dir, self.settings.opted_out
        for taken in land_segments(self.landing, folder, opted_out=opted_out, are_deserted=True):
            self.observer.say(taken.problem or f"{taken.events:,} events were received and not loaded yet")

    def begin(self) -> None:
        """Record that the run begins."""
        with self.warehouse.writing(is_followed=True) as connection:
            self.record_start(connection)

    def record_start(self, connection: Connection) -> None:
        """Record in an open warehouse that the run begins, with the settings that views depend on."""
        record.record_start(
            connection,
            self.report,
            hides_deleted=self.settings.hides_deleted,
            time_zone=self.settings.time_zone,
        )

    def load_waiting(self, *, replay: bool = False, is_counted: bool = True) -> None:
        """Load the chunks that wait, as a step; when none waits, begin no step.

        `is_counted` says whether they count in the report of this run.
        """
        if not len(self.queue):
            return
        loaded = self.steps.load(lambda: self._load(replay=replay, is_counted=is_counted))
        self.report.problems += loaded.problems
        if loaded.ahead:
            self.observer.say(
                f"{loaded.ahead:,} answers say that they came later than now (up to "
                f"{loaded.ahead_until:%Y-%m-%d %H:%M} UTC): the clock was ahead when they were fetched; what "
                "is fetched from now on is newer all the same"
            )

    @contextmanager
    def note_what_stops(self) -> Iterator[None]:
        """Note in the report what stops the block: an interruption, or an error of ours."""
        try:
            yield
        except self.steps.interruptions as interruption:
            self.interrupt(interruption)
            if isinstance(interruption.__cause__, PipelineError):
                self.report.error = interruption.__cause__
        except PipelineError as stopped:
            self.report.error = LimitMet.find(stopped) or stopped
        except Exception as stopped:
            self.report.error = LimitMet.find(stopped)
            if self.report.error is None:
                raise

    def interrupt(self, interruption: BaseException) -> None:
        """Note that somebody wants the run to end: a lock is hardly waited for any more."""
        self.steps.interruption = interruption
        self.report.is_interrupted = True
        self.warehouse.in_a_hurry.set()

    def end(self, spool: Path | None = None) -> RunReport:
        """Record how the run ended, for the ids in the spool; publish, and return the report."""
        with tempfile.TemporaryDirectory(prefix="call-outcomes-") as folder:
            outcomes = Path(folder) / "outcomes.jsonl"
            try:
                if isinstance(self.report.error, WarehouseLocked):
                    raise self.report.error  # it was waited for just now
                self._record_end(spool, outcomes)
            except (WarehouseLocked, WarehouseMismatch, WarehouseFailed) as refused:
                # Nothing can be recorded, but what was landed tells how the ids stand.
                self.report.error = self.report.error or LimitMet.find(refused) or refused
                record.read_landed_outcomes(self.report, self.landing.read_outcomes(self.report.run_id))
            self.report.duration_s = time.monotonic() - self._started
            if outcomes.exists():
                record.log_outcomes(outcomes)
        self.report.log_end()
        return self.report

    def note_progress(self) -> None:
        """Record what is known of the run by now; nothing but its end, where nobody is asked."""

    def _load(self, *, replay: bool, is_counted: bool) -> loads.Loaded:
        def on_load(one: loads.Loaded) -> None:
            if is_counted:
                self.report.count_load(one)
            self.observer.on_load(one.records - one.listed)
            self.note_progress()
            # At the end of a run a copy is made as it is.
            if not self.queue.is_closed:
                self._publish(at_the_end=False)

        return loads.load_waiting(
            self.warehouse,
            self.queue,
            refresh_window_s=self.settings.refresh_window_s,
            hides_deleted=self.settings.hides_deleted,
            replay=replay,
            on_load=on_load,
            find_merged=lambda chunk_id: find_merged(self.landing, chunk_id),
            before_change=self._note_change,
        )

    def _record_end(self, spool: Path | None, outcomes: Path) -> None:
        with self.warehouse.writing() as connection:
            schema.check_unchanged(connection)
            self._read_report(connection, spool, outcomes)
            if self.on_record_end is not None:
                self.on_record_end(connection)
            record.record_end(connection, self.report)
            waiting = stored_results.count_waiting_calls(connection)
            note_settled(connection, self.landing, self.waiting, self.report.run_id)
        has_stored = not self.report.is_interrupted and stored_results.store_some(
            self.warehouse, calls_loaded=self.report.calls_loaded, calls_waiting=waiting
        )
        if has_stored or readers_copy.is_behind(self.settings.readers_copy):
            self._publish(at_the_end=True)
        # The work is done: what goes wrong with the copy is told beside it.
        self.report.problems += [self._publish_problem] if self._publish_problem else []

    def _read_report(self, connection: Connection, spool: Path | None, outcomes: Path) -> None:
        if spool is not None:
            record.read_outcomes(connection, self.report, spool, is_listing=self.is_listing)
            if log.is_enabled(log.DEBUG):
                record.write_outcomes(connection, self.report, outcomes)

    def _note_change(self) -> None:
        readers_copy.note_change(self.settings.readers_copy)

    def _publish(self, *, at_the_end: bool) -> None:
        if readers_copy.is_due(self.settings, at_the_end=at_the_end):
            self._publish_problem = readers_copy.try_to_publish(self.warehouse, self.settings)


def _describe_odd(odd: list[Path]) -> str:
    named = ", ".join(str(path) for path in odd[:_ODD_SHOWN])
    rest = f" and {len(odd) - _ODD_SHOWN:,} more" if len(odd) > _ODD_SHOWN else ""
    return (
        f"passed over in the landing folder: {named}{rest}, no files of a chunk; `python -m pipeline repair` "
        "looks into them and puts them aside"
    )


def _describe_orphan(payloads: Path) -> str:
    return (
        f"the landed file {payloads} has no manifest: restore it, or run `python -m pipeline repair`, which "
        "lands its payloads again"
    )
