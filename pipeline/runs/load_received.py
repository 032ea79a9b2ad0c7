"""Loads what `receive` has put on disk: in a process of its own, so that no load holds up an answer.

Invariant: what is on disk is landed even while the warehouse is held by somebody else, and loaded as soon as
that is over. The process ends when the one that started it does, and brings in what is there first.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from pipeline import log, process
from pipeline.config import Settings
from pipeline.errors import PipelineError, WarehouseMismatch
from pipeline.landing.folder import Landing
from pipeline.publish import readers_copy
from pipeline.receive.land import land_segments
from pipeline.runs.run import Observer, Run

# Answers come first.
_NICE = 5
_LOOK_EVERY_S = 1.0
_TRY_AGAIN_S = 5.0
# At most a fifth of the time goes into copies for readers.
_COPY_SHARE = 0.2


@dataclass
class ReceivingRun(Run):
    """The loads of what was received; readers get a copy after each, as long as copies take little time."""

    _copy_from: float = field(init=False, default=0.0)

    def publish_if_due(self, *, at_the_end: bool = False) -> None:
        """Make a copy for readers if the one they have is behind and another is due."""
        settings = self.settings
        if settings.publish == "run":
            is_due = at_the_end or time.monotonic() >= self._copy_from
        else:
            is_due = readers_copy.is_due(settings, at_the_end=at_the_end)
        if not is_due or settings.publish == "off" or not readers_copy.is_behind(settings.readers_copy):
            return
        started = time.monotonic()
        self._publish_problem = readers_copy.try_to_publish(self.warehouse, settings)
        ended = time.monotonic()
        self._copy_from = ended + (ended - started) * (1 / _COPY_SHARE - 1)

    def _land_deserted_events(self) -> None:
        """Leave that to the loader, which counts them."""

    def _publish(self, *, at_the_end: bool) -> None:
        self.publish_if_due(at_the_end=at_the_end)


@dataclass
class Loader:
    """Lands and loads segments; what it does is told to the other end of a connection."""

    settings: Settings
    run_id: str
    other_end: Connection
    _run: ReceivingRun | None = field(init=False, default=None)
    _landing: Landing = field(init=False)
    # Of what is landed and not loaded: payloads, events, and when the first of these came.
    _payloads: int = field(init=False, default=0)
    _events: int = field(init=False, default=0)
    _first_at: float | None = field(init=False, default=None)
    _said: str = field(init=False, default="")
    _problems_said: int = field(init=False, default=0)
    _is_outdated: bool = field(init=False, default=False)
    _not_before: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._landing = Landing.of(self.settings)

    def work(self) -> None:
        """Land and load what comes, until the other end says stop or is gone."""
        while True:
            asked = self._wait()
            if asked == "stop" or time.monotonic() >= self._not_before:
                self._try(self._bring_in)
            if asked == "stop" or self._is_outdated:
                self._try(self._end)
                return
            if asked.startswith("run "):
                self._try(self._end)
                self.run_id = asked.removeprefix("run ")

    def _wait(self) -> str:
        try:
            return str(self.other_end.recv()) if self.other_end.poll(_LOOK_EVERY_S) else ""
        except (EOFError, OSError):
            return "stop"

    def _bring_in(self) -> None:
        # What is on disk is landed, whoever holds the warehouse.
        self._land()
        run = self._run or self._begin_run()
        run.report.fetched_count += self._payloads
        self._payloads = 0
        if len(run.queue):
            run.load_waiting()
        for problem in run.report.problems[self._problems_said :]:
            self._say(problem)
        self._problems_said = len(run.report.problems)
        if self._events and self._first_at is not None:
            self._tell({"loaded": self._events, "lag_s": time.time() - self._first_at})
            self._events, self._first_at = 0, None
        run.publish_if_due()
        self._said = ""

    def _land(self) -> None:
        settings = self.settings
        for landed in land_segments(self._landing, settings.received_dir, opted_out=settings.opted_out):
            # A run that begins later finds it by itself.
            if self._run is not None:
                self._run.queue.put(landed.chunk)
            self._payloads += landed.chunk.record_count
            self._events += landed.events
            self._first_at = self._first_at or landed.first_at.timestamp()
            if landed.problem is not None:
                self._say(landed.problem)

    def _begin_run(self) -> ReceivingRun:
        """Begin the run that events are loaded by; raises PipelineError while that cannot be."""
        run = ReceivingRun(self.settings, "receive", Observer(say=self._say), run_id=self.run_id)
        run.prepare()
        run.begin()
        self._run = run
        return run

    def _end(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            self._problems_said = 0
            run.queue.close()
            run.end()

    def _try(self, step: Any) -> None:
        try:
            step()
        except (PipelineError, OSError) as failure:
            self._not_before = time.monotonic() + _TRY_AGAIN_S
            self._say(f"{failure}; what was received is safe, and is loaded as soon as that is over")
            # Its tables are those of another version now: a run that begins anew looks at them.
            self._is_outdated = isinstance(failure, WarehouseMismatch)

    def _say(self, message: str) -> None:
        """Say something to the user, once until something else is to be said."""
        if message != self._said:
            self._said = message
            self._tell({"say": message})

    def _tell(self, facts: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody listens any more
            self.other_end.send(facts)


def load_received(settings: Settings, run_id: str, other_end: Connection) -> None:
    """Work as the process that loads; `run_id` is the run whose segments come first."""
    # Its end is told by the process that started it, which a terminal or a service manager tells.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    process.keep_pandas_out()
    process.keep_to_one_thread_for_numbers()
    with suppress(OSError):
        os.nice(_NICE)
    log.configure(settings.log_level, settings.log_format)
    Loader(settings, run_id, other_end).work()
    # As commands end: a thread of a load that was given up would hold the process.
    os._exit(0)
