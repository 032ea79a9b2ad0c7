"""The stages of a run as tasks of a Prefect server, which shows how far the run has come.

A batch of ids is extracted by a task, whatever is landed is loaded by a task, one such task at a time. Where
the server goes away meanwhile, the run goes on without it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any, cast
from uuid import UUID

from prefect import get_client, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.exceptions import ObjectAlreadyExists, TerminationSignal
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from pipeline.config import Settings
from pipeline.errors import PipelineError, WarehouseLocked
from pipeline.extract import batches
from pipeline.extract.batches import Batch, Watch
from pipeline.extract.extraction import Extraction
from pipeline.flows.concurrency import held
from pipeline.landing.outcome import Outcome
from pipeline.load.loads import Loaded
from pipeline.runs.fetch import FetchRun, Stages
from pipeline.runs.plan import Plan
from pipeline.runs.run import Observer
from pipeline.warehouse.database import Warehouse

TAG = "call-analytics"
# A load whose process was killed gives its slot back after this long; a living one renews its lease.
_LOAD_LEASE_S = 60
# Longer than a dead holder's lease. The warehouse's own lock stands behind the limit, so a slot that never
# comes back, as after a server that forgot its leases, stops nobody.
_LOAD_SLOT_TIMEOUT_S = 120
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
    return Completed(name=name, message=str(extracted.error or counts), data=extracted)


@task(name="load", cache_policy=NO_CACHE)
def load(limit: str, load_pending: Callable[[], Loaded]) -> State[Any]:
    """Load what is landed, when no other load runs."""
    with ExitStack() as slot:
        try:
            slot.enter_context(held(limit, lease_s=_LOAD_LEASE_S, timeout_s=_LOAD_SLOT_TIMEOUT_S))
        except Exception as failure:
            why = "has no free slot" if isinstance(failure, TimeoutError) else f"({type(failure).__name__})"
            get_run_logger().warning("%s %s: the warehouse's own lock is relied on", limit, why)
        try:
            loaded = load_pending()
        except WarehouseLocked as locked:
            return Completed(name="Locked", message=str(locked), data=locked)
        except PipelineError as failure:
            return Failed(message=str(failure), data=failure)
    return Completed(message=f"{loaded.records:,} calls of {loaded.chunks:,} chunks", data=loaded)


class Tasks(Stages):
    """Makes tasks of a run's stages, and shows in the server how far the run has come."""

    interruptions = (KeyboardInterrupt, TerminationSignal)

    def __init__(self, command: str, limit: str) -> None:
        self._command = command
        self._limit = limit
        self._numbers = count()
        self._requested = self._to_fetch = self._done = 0
        self.progress: UUID | None = None  # the artifact that shows how far the run is

    def observer(self) -> Observer:
        """Return what the run tells its progress to."""
        return Observer(say=get_run_logger().info, on_plan=self._planned, on_outcome=self._count)

    async def extract(self, run: FetchRun, extraction: Extraction, plan: Plan) -> None:
        """Extract a plan's batches in tasks, a few at a time: neither ids nor tasks pile up in memory."""
        watch = Watch(run.observer.on_outcome, run.queue.put)
        upcoming = batches.split(run.settings, plan.ids(), plan.to_fetch, self._numbers)
        side_by_side = batches.count_side_by_side(run.settings, plan.to_fetch)
        under_way: list[PrefectFuture[Any]] = []
        ended: list[PrefectFuture[Any]] = []
        news = Event()

        def note(task: PrefectFuture[Any]) -> None:
            ended.append(task)
            news.set()

        stopped: BaseException | None = None
        show_at_s = time.monotonic() + _PROGRESS_EVERY_S
        while True:
            try:
                while stopped is None and len(under_way) < side_by_side and (batch := next(upcoming, None)):
                    task = extract.submit(run.settings, run.report.run_id, batch, watch)
                    task.add_done_callback(note)
                    under_way.append(task)
                if not under_way:
                    break
                news.wait(_LOOK_EVERY_S)
                news.clear()
                # Ctrl-C reaches a coroutine only where it lets others go on.
                await asyncio.sleep(0)
                for task in [task for task in under_way if task in ended]:
                    task.wait()  # it has ended; only now its state is at hand
                    under_way.remove(task)
                    ended.remove(task)
                    extracted = await task.state.aresult()
                    run.count(extracted)
                    stopped = stopped or extracted.error
                if stopped is None and time.monotonic() >= show_at_s:
                    self._show()
                    show_at_s = time.monotonic() + _PROGRESS_EVERY_S
            except Exception as failure:
                stopped = stopped or failure
            except BaseException as interruption:
                if stopped is not None and not isinstance(stopped, Exception):
                    raise
                stopped = interruption
            if stopped is not None:
                # The batches under way ask for nothing more, and land what they have.
                watch.stop.set()
        if stopped is not None:
            raise stopped
        if plan.to_fetch:
            self._show()

    def load(self, load_pending: Callable[[], Loaded]) -> Loaded:
        """Load what is landed in a task; where the server has gone meanwhile, without one."""
        try:
            state: State[Any] = load(self._limit, load_pending, return_state=True)
            result = state.result(raise_on_failure=False)
        except Exception as failure:
            get_run_logger().warning("the load could not be a task (%s)", type(failure).__name__)
            return load_pending()
        if isinstance(result, BaseException):
            raise result
        return cast(Loaded, result)

    def _planned(self, plan: Plan) -> None:
        self._requested += plan.requested
        self._to_fetch += plan.to_fetch
        rename(f"{self._command} {self._requested:,} ids")

    def _count(self, outcome: Outcome) -> None:
        self._done += 1

    def _show(self) -> None:
        # A batch that is tried again can tell of an id twice.
        percent = min(100.0, 100 * self._done / max(1, self._to_fetch))
        try:
            if self.progress is None:
                key, description = f"{self._command}-progress", "Ids answered, of those to fetch"
                created: Any = create_progress_artifact(percent, key=key, description=description)
                self.progress = created
            else:
                update_progress_artifact(self.progress, percent)
        except Exception as failure:
            # A server that is away for a while is no reason to stop fetching.
            get_run_logger().warning("progress could not be shown (%s)", type(failure).__name__)


def load_limit(settings: Settings) -> str:
    """Return the name of the global concurrency limit on loads into the warehouse, made sure to exist."""
    place = str(Path(str(Warehouse.of(settings).path)).absolute())
    name = f"{TAG}-load-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
    # Another run may make it at this very moment.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(name, limit=1)
    return name


def rename(name: str) -> None:
    """Give this flow run a name that says what it does."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.get_id()), name=name)
