"""The flows that `prefect.yaml` deploys: the runs of the command line, started and shown by a Prefect server.

A flow starts the same run as the command of its name, with tasks for its steps, and decides nothing else.
The key comes from the environment or from a Secret block, never from a parameter, and is in no state or
artifact.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

from prefect import flow, get_run_logger
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.states import Completed, Failed
from pydantic import Field, SecretStr

from pipeline import process
from pipeline.config import Settings
from pipeline.errors import ConfigurationError, PipelineError, UsageError
from pipeline.flows import artifacts, tracking
from pipeline.flows.tasks import Tasks
from pipeline.log.hidden import escape_hidden
from pipeline.report.write import write
from pipeline.runs import backfill, compaction, maintenance
from pipeline.runs.fetch import Steps
from pipeline.runs.reconcile import Reconcile
from pipeline.runs.run import Observer
from pipeline.runs.run_report import RunReport
from pipeline.runs.sync import Sync
from pipeline.times import parse_moment

SECRET_BLOCK = "retell-api-key"  # noqa: S105  the name of the block, not what is in it

CallId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


# Prefect shows the docstrings' lines on parameters in its forms, and checks what is typed against the types.
@flow(flow_run_name="backfill")
def backfill_calls(
    ids: Annotated[list[CallId], Field(max_length=2000)] = [],  # noqa: B006  it is shown, and never changed
    ids_file: str = "",
    force: bool = False,
    numbers_only: bool = False,
) -> State[Any]:
    """Fetch calls by id and load them. Calls that are final are left, so the same ids may be given again.

    Args:
        ids: Ids of the calls to fetch; for many, name a file.
        ids_file: A file on the worker: one id a line, a CSV with a call_id column, or JSON.
        force: Fetch calls that are final, or were fetched just now, too.
        numbers_only: List the calls, and leave whole calls to the next run.
    """

    def run(settings: Settings, observer: Observer, steps: Steps) -> RunReport:
        if ids_file and not Path(ids_file).is_file():
            raise UsageError(
                f"there is no file {ids_file} on the worker: name one, from the folder it runs in"
            )
        # Given as text, so that an id is never taken for a file of that name.
        sources = [*(["-"] if ids else []), *([ids_file] if ids_file else [])]
        stdin = io.BytesIO("\n".join(ids).encode("ascii"))
        return backfill.Backfill(settings, observer, force=force, numbers_only=numbers_only, steps=steps).run(
            sources, stdin
        )

    return _run_in_tasks("backfill", run)


@flow(flow_run_name="sync")
def sync_calls(
    since: datetime | None = None, until: datetime | None = None, numbers_only: bool = False
) -> State[Any]:
    """List the calls that are new since the last sync, and load their numbers; fetch and load whole calls.

    Args:
        since: Begin here; by default a little before where the last sync came to.
        until: End here; by default now.
        numbers_only: Leave whole calls to the next run.
    """

    def run(settings: Settings, observer: Observer, steps: Steps) -> RunReport:
        return Sync(settings, observer, since, until, numbers_only, steps).run()

    return _run_in_tasks("sync", run)


@flow(flow_run_name="refresh")
def refresh_calls() -> State[Any]:
    """Fetch again the calls that are not final: still going on, or without an analysis yet."""
    return _run_in_tasks("refresh", backfill.refresh)


@flow(flow_run_name="reconcile")
def reconcile_calls(since: str = "30d") -> State[Any]:
    """Compare the account with the warehouse, and put right what differs.

    Args:
        since: Calls that started then or later: a date, a time (UTC), or how long ago, such as 30d.
    """

    def run(settings: Settings, observer: Observer, steps: Steps) -> RunReport:
        first = parse_moment(since, datetime.now(UTC))
        return Reconcile(settings, observer, first, steps).run()

    return _run_in_tasks("reconcile", run)


@flow(flow_run_name="check")
def check_warehouse() -> State[Any]:
    """Ask the warehouse whether what should hold holds; fails when a check marked so found rows."""
    process.keep_files_private()
    logger = get_run_logger()
    try:
        results = maintenance.check(tracking.read_settings(), logger.info)
    except PipelineError as refused:
        return _fail(refused)
    tracking.return_result(results)
    artifacts.show_checks(results)
    offending = [result for result in results if result.offending]
    for result in offending:
        logger.warning("%s: %s: %s rows", result.verdict, result.statement, f"{result.offending:,}")
    failed = [result.name for result in offending if result.verdict == "fail"]
    artifacts.name_flow_run(f"check {len(results)} promises")
    if failed:
        return Failed(message=f"failed: {', '.join(failed)}; see the artifact check-report")
    return Completed(message=f"{len(results)} checks, {len(offending)} with warnings")


@flow(flow_run_name="compact")
def compact_landing() -> State[Any]:
    """Merge the small landed chunks of past days into large ones; readers, loads and runs go on meanwhile."""
    process.keep_files_private()
    try:
        merged = compaction.compact_landing(tracking.read_settings(), get_run_logger().info)
    except PipelineError as refused:
        return _fail(refused)
    tracking.return_result(merged)
    artifacts.name_flow_run(f"compact {merged.before:,} chunks")
    if merged.problems:
        return Failed(message="; ".join(merged.problems))
    return Completed(message=merged.summary)


@flow(flow_run_name="report")
def write_report(since: str = "30d", agent: str = "") -> State[Any]:
    """Write the report, one HTML file on the worker, and show its figures and first charts here.

    Args:
        since: Only calls of that day and later: a date, or how long ago, such as 30d. Empty for all.
        agent: Only calls of this agent, by its id or its name. Empty for all.
    """
    process.keep_files_private()
    try:
        first = parse_moment(since, datetime.now(UTC)).date() if since else None
        written = write(tracking.read_settings(), get_run_logger().info, since=first, agent=agent or None)
    except PipelineError as refused:
        return _fail(refused)
    artifacts.show_call_report(written)
    artifacts.name_flow_run(f"report {written.answers.period}")
    return Completed(message=escape_hidden(written.summary))


def _run_in_tasks(command: str, run: Callable[[Settings, Observer, Steps], RunReport]) -> State[Any]:
    """Run with a task for each step, show the report, and return the state that says how the run ended."""
    process.keep_files_private()
    steps = Tasks(command)
    try:
        settings = _add_key(tracking.read_settings())
        # For each tag of a task that begins, Prefect asks the server whether it is limited.
        with TagsContext(current_tags=set()):
            report = run(settings, steps.make_observer(), steps)
    except PipelineError as refused:
        return _fail(refused)
    tracking.return_result(report)
    artifacts.show_run_report(settings, report, steps.progress.artifact)
    if steps.interruption is not None:
        # Prefect knows whether this was asked for, and says so in the state.
        raise steps.interruption
    message = escape_hidden(f"{report.summary}; {report.error or '; '.join(report.problems)}".rstrip("; "))
    if report.status == "failed":
        return Failed(message=message)
    return Completed(name="Partial" if report.status == "partial" else None, message=message)


def _fail(refused: PipelineError) -> State[Any]:
    """Return the state of a flow that has no result but an error, which its command gets."""
    tracking.return_result(refused)
    return Failed(message=escape_hidden(str(refused)))


def _add_key(settings: Settings) -> Settings:
    """Return the settings with the key of the Secret block, where the environment has none."""
    if settings.has_key:
        return settings
    try:
        secret = cast(Secret[Any], Secret.load(SECRET_BLOCK))
    except ValueError:
        raise ConfigurationError(
            f"no API key: create the Secret block {SECRET_BLOCK}, or set RETELL_API_KEY where the worker runs"
        ) from None
    return settings.model_copy(update={"api_key": SecretStr(str(secret.get()))})
