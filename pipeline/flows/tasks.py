"""Runs the steps of a run as tasks, which a Prefect server shows with how far the run is.

A task extracts a batch of ids, or loads what the run has landed. Loads of several runs take turns by the
warehouse's own lock, as those of commands do: a concurrency limit of the server would know only of runs that
are tracked there, and keep the slot of a load that was killed for as long as its lease. Where the server goes
away meanwhile, the run goes on without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, cast

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.exceptions import TerminationSignal
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from pipeline.config import Settings
from pipeline.errors import PipelineError, WarehouseLocked
from pipeline.extract import batches
from pipeline.extract.batches import Batch, Watch
from pipeline.extract.extraction import Extraction
from pipeline.flows import artifacts
from pipeline.landing.outcome import Outcome
from pipeline.load.loads import Loaded
from pipeline.log.hidden import escape_hidden
from pipeline.runs.fetch import FetchRun, Steps
from pipeline.runs.plan import Plan
from pipeline.runs.run import Observer

_PROGRESS_EVERY_S = 5.0
# How long an interruption may go unnoticed while batches are under way.
_LOOK_EVERY_S = 0.5


# A retry is for a task whose process died or that met a bug; what HTTP needs is retried in the client alone.
@task(name="extract", task_run_name="extract {batch.name}", cache_policy=NO_CACHE, retries=1)
def extract(settings: Settings, run_id: str, batch: Batch, watch: Watch) -> State[Any]:
    """Extract a batch into landing."""
    context = TaskRunContext.get()
    attempt = context.task_run.run_count if context else 1
    extracted = batches.extract_batch(settings, run_id, batch, watch, max(1, attempt))
    counts = ", ".join(f"{ids:,} {outcome}" for outcome, ids in sorted(extracted.outcomes.items()))
    name = None if extracted.error is None else "Stopped"
    message = escape_hidden(str(extracted.error or counts))
    return Completed(name=name, message=message, data=extracted)


@task(name="load", cache_policy=NO_CACHE)
def load(load_waiting: Callable[[], Loaded]) -> State[Any]:
    """Load what is landed."""
    try:
        loaded = load_waiting()
    except WarehouseLocked as locked:
        return Completed(name="Locked", message=escape_hidden(str(locked)), data=locked)
    except PipelineError as failure:
        return Failed(message=escape_hidden(str(failure)), data=failure)
    return Completed(message=f"{loaded.records:,} calls of {loaded.chunks:,} chunks", data=loaded)


class Tasks(Steps):
    """Makes tasks of a run's steps, and shows on the server how far the run is."""

    interruptions = (KeyboardInterrupt, TerminationSignal)

    def __init__(self, command: str) -> None:
        self.progress = artifacts.Progress(command)
        self._command = command
        self._numbers = count()
        self._requested = self._to_fetch = self._answered = 0

    def make_observer(self) -> Observer:
        """Return what the run tells its progress to."""
        logger = get_run_logger()

        def say(message: str) -> None:
            logger.info("%s", escape_hidden(message))

        return Observer(say=say, on_plan=self._add_plan, on_outcome=self._count_outcome)

    async def extract(self, run: FetchRun, extraction: Extraction, plan: Plan) -> None:
        """Extract a plan's batches in tasks, a few at a time: neither ids nor tasks pile up in memory."""
        watch = Watch(run.observer.on_outcome, run.queue.put)
        waiting = batches.split(run.settings, plan.ids(), plan.to_fetch, self._numbers)
        most_at_once = batches.count_side_by_side(run.settings, plan.to_fetch)
        running: list[PrefectFuture[Any]] = []
        ended: list[PrefectFuture[Any]] = []
        one_ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def note_end(task: PrefectFuture[Any]) -> None:
            ended.append(task)
            loop.call_soon_threadsafe(one_ended.set)

        stopped: BaseException | None = None
        show_at_s = time.monotonic() + _PROGRESS_EVERY_S
        while True:
            try:
                while stopped is None and len(running) < most_at_once and (batch := next(waiting, None)):
                    task = extract.submit(run.settings, run.report.run_id, batch, watch)
                    task.add_done_callback(note_end)
                    running.append(task)
                if not running:
                    break
                # The listing goes on meanwhile.
                with suppress(TimeoutError):
                    await asyncio.wait_for(one_ended.wait(), _LOOK_EVERY_S)
                one_ended.clear()
                for task in [task for task in running if task in ended]:
                    task.wait()  # it has ended; only now its state is at hand
                    running.remove(task)
                    ended.remove(task)
                    extracted = await task.state.aresult()
                    run.count(extracted)
                    stopped = stopped or extracted.error
                if stopped is None and time.monotonic() >= show_at_s:
                    self._show_progress()
                    show_at_s = time.monotonic() + _PROGRESS_EVERY_S
            except Exception as failure:
                stopped = stopped or failure
            except BaseException as interruption:
                if stopped is not None and not isinstance(stopped, Exception):
                    raise
                stopped = interruption
            if stopped is not None:
                # The batches that are running ask for nothing more, and land what they have.
                watch.stop.set()
        if stopped is not None:
            raise stopped
        if plan.to_fetch:
            self._show_progress()

    def load(self, load_waiting: Callable[[], Loaded]) -> Loaded:
        """Load what is landed in a task; where the server has gone meanwhile, without one."""
        try:
            state: State[Any] = load(load_waiting, return_state=True)
            result = state.result(raise_on_failure=False)
        except Exception as failure:
            get_run_logger().warning("the load could not be a task (%s)", type(failure).__name__)
            return load_waiting()
        if isinstance(result, BaseException):
            raise result
        return cast(Loaded, result)

    def _add_plan(self, plan: Plan) -> None:
        self._requested += plan.requested
        self._to_fetch += plan.to_fetch
        artifacts.name_flow_run(f"{self._command} {self._requested:,} ids")

    def _count_outcome(self, outcome: Outcome) -> None:
        self._answered += 1

    def _show_progress(self) -> None:
        # A batch that is tried again can tell of an id twice.
        self.progress.show(min(100.0, 100 * self._answered / max(1, self._to_fetch)))
