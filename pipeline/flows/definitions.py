"""Prefect flows: the runs of the command line, scheduled, tracked and limited by a Prefect server.

Nothing is decided here. A flow starts the same run as the command of its name, with tasks for its stages.
The key comes from the environment or from a Secret block, never from a parameter, and is in no state or
artifact.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID

from prefect import Flow, flow, get_client, get_run_logger, tags
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings
from prefect.states import Completed, Failed
from pydantic import Field, SecretStr

from pipeline.config import Settings, load_settings
from pipeline.errors import ConfigurationError, PipelineError, UsageError, WarehouseError
from pipeline.flows import markdown
from pipeline.flows.tasks import TAG, Tasks, load_limit, rename
from pipeline.report.write import write
from pipeline.runs import backfill, offline
from pipeline.runs.record import RunReport
from pipeline.runs.run import Observer, Stages
from pipeline.runs.sync import Sync, parse_moment
from pipeline.warehouse import queries
from pipeline.warehouse.database import Warehouse

SECRET_BLOCK = "retell-api-key"  # noqa: S105  the name of the block, not what is in it

# A worker starts a flow in a process of its own, which nobody has told that payloads are private.
_OWNER_ONLY = 0o077
_ANSWER_TIMEOUT_S = 10.0

CallId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


@dataclass
class _Given:
    """What the command line gives to the flow that it runs, and what it gets back."""

    settings: Settings
    outcome: Any = None


_given: ContextVar[_Given | None] = ContextVar("given", default=None)


# Prefect shows the docstrings' lines on parameters in its forms, and checks what is typed against the types.
@flow(flow_run_name="backfill")
def backfill_calls(
    ids: Annotated[list[CallId], Field(max_length=2000)] = [],  # noqa: B006  it is shown, and never changed
    ids_file: str = "",
    force: bool = False,
) -> State[Any]:
    """Fetch calls by id and load them. Calls that are final are left, so the same ids may be given again.

    Args:
        ids: Ids of the calls to fetch; for many, name a file.
        ids_file: A file on the worker: one id a line, a CSV with a call_id column, or a JSON array.
        force: Fetch calls that are final, or were fetched just now, too.
    """

    def run(settings: Settings, observer: Observer, stages: Stages) -> RunReport:
        if ids_file and not Path(ids_file).is_file():
            raise UsageError(
                f"there is no file {ids_file} on the worker: name one, from the folder it runs in"
            )
        # Given as text, so that an id is never taken for a file of that name.
        sources = [*(["-"] if ids else []), *([ids_file] if ids_file else [])]
        text = io.StringIO("\n".join(ids))
        return backfill.Backfill(settings, observer, force=force, stages=stages).run(sources, text)

    return _carried_out("backfill", run)


@flow(flow_run_name="sync")
def sync_calls(since: datetime | None = None, until: datetime | None = None) -> State[Any]:
    """List the calls that are new since the last sync, fetch and load them.

    Args:
        since: Begin here; by default a little before where the last sync came to.
        until: End here; by default now.
    """

    def run(settings: Settings, observer: Observer, stages: Stages) -> RunReport:
        return Sync(settings, observer, since, until, stages).run()

    return _carried_out("sync", run)


@flow(flow_run_name="refresh")
def refresh_calls() -> State[Any]:
    """Fetch again the calls that are not final: still going on, or without an analysis yet."""
    return _carried_out("refresh", backfill.refresh)


@flow(flow_run_name="check")
def check_warehouse() -> State[Any]:
    """Ask the warehouse whether what should hold holds; fails when a check marked so found rows."""
    logger, given = get_run_logger(), _given.get()
    os.umask(_OWNER_ONLY)
    try:
        results = offline.checked(given.settings if given else load_settings(), logger.info)
    except PipelineError as refused:
        if given:
            given.outcome = refused
        return Failed(message=str(refused))
    if given:
        given.outcome = results
    create_markdown_artifact(
        markdown.format_checks(results), key="check-report", description="Every check with its verdict"
    )
    offending = [result for result in results if result.offending]
    for result in offending:
        logger.warning("%s: %s: %s rows", result.verdict, result.statement, f"{result.offending:,}")
    failed = [result.name for result in offending if result.verdict == "fail"]
    rename(f"check {len(results)} promises")
    if failed:
        return Failed(message=f"failed: {', '.join(failed)}; see the artifact check-report")
    return Completed(message=f"{len(results)} checks, {len(offending)} with warnings")


@flow(flow_run_name="report")
def write_report(since: str = "30d", agent: str = "") -> State[Any]:
    """Write the report, one HTML file on the worker, and show its figures and first charts here.

    Args:
        since: Only calls of that day (UTC) and later: a date, or how long ago, such as 30d. Empty for all.
        agent: Only calls of this agent, by its id or its name. Empty for all.
    """
    try:
        first = parse_moment(since, datetime.now(UTC)).date() if since else None
        written = write(load_settings(), get_run_logger().info, since=first, agent=agent or None)
    except PipelineError as refused:
        return Failed(message=str(refused))
    create_markdown_artifact(
        markdown.format_call_report(written),
        key="call-report",
        description=f"Report at {written.path.absolute()}",
    )
    rename(f"report {written.answers.period}")
    return Completed(message=written.summary)


def _carried_out(command: str, run: Callable[[Settings, Observer, Stages], RunReport]) -> State[Any]:
    """Carry out a run and return the state that says how it ended."""
    given = _given.get()
    os.umask(_OWNER_ONLY)
    try:
        settings = _with_key(given.settings if given else load_settings())
        stages = Tasks(command, load_limit(settings))
        # For each tag of a task that begins, Prefect asks the server whether it is limited.
        with TagsContext(current_tags=set()):
            report = run(settings, stages.observer(), stages)
    except PipelineError as refused:
        if given:
            given.outcome = refused
        return Failed(message=str(refused))
    if given:
        given.outcome = report
    _show_report(settings, report, stages.progress)
    if stages.interruption is not None:
        # Prefect knows whether this was asked for, and says so in the state.
        raise stages.interruption
    message = f"{report.summary}; {report.error or '; '.join(report.problems)}".rstrip("; ")
    if report.status == "failed":
        return Failed(message=message)
    return Completed(name="Partial" if report.status == "partial" else None, message=message)


def _with_key(settings: Settings) -> Settings:
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


def _show_report(settings: Settings, report: RunReport, progress: UUID | None) -> None:
    """Write the report of a run and the reasons why calls ended as artifacts of the flow run."""
    found: dict[str, list[queries.Row]] = {}
    try:
        with Warehouse.of(settings).reading() as connection:
            found = queries.answers(connection, days=1)
    except WarehouseError as refused:
        get_run_logger().warning("%s", refused)
    shown = {} if progress is None else {"progress": progress}
    if found:
        rows = markdown.make_json_rows(found["disconnections"])
        table: Any = create_table_artifact(rows, key="disconnections", description="Why calls ended")
        shown["disconnections"] = table
    links = {}
    if ui_url := get_current_settings().ui_url:
        links["this run"] = f"{ui_url}/runs/flow-run/{flow_run.get_id()}"
        links |= {name: f"{ui_url}/artifacts/artifact/{artifact}" for name, artifact in shown.items()}
    create_markdown_artifact(
        markdown.format_run_report(report, found.get("daily_latency", []), links),
        key=f"{report.command}-report",
        description=report.summary,
    )


def tracked(settings: Settings, run: Flow[..., Any], **parameters: object) -> Any:
    """Run a flow here, with the settings of the command line; return its report or its check results.

    Raises what the run itself raises before it begins, and PipelineError when the server does not answer.
    """
    given = _Given(settings)
    token, state = _given.set(given), None
    try:
        with tags(TAG):
            state = run(**parameters, return_state=True)
    except (KeyboardInterrupt, TerminationSignal):
        if given.outcome is None:
            raise KeyboardInterrupt from None
    except Exception as failure:
        # What a flow raises is in its state: this came from Prefect, as when its server went away.
        if given.outcome is None:
            raise PipelineError(
                f"Prefect could not go on with the run ({type(failure).__name__}): whatever was fetched is "
                "landed; run the same command again, with --no-prefect if the server stays away"
            ) from None
    finally:
        _given.reset(token)
    if isinstance(given.outcome, PipelineError):
        raise given.outcome
    if given.outcome is None:
        why = state.message if state else "no state"
        raise PipelineError(f"the flow run ended without a report ({why}): see the Prefect server")
    return given.outcome


def stop_own_server() -> None:
    """End the server that Prefect starts for a process where none is named: it would outlive that."""
    # Only who has started one has loaded the module, which takes long.
    if loaded := sys.modules.get("prefect.server.api.server"):
        for server in list(loaded.SubprocessASGIServer._instances.values()):
            with suppress(Exception):
                server.stop()


def unreachable() -> str | None:
    """Return why no Prefect server answers, or None when one does."""
    # Left to itself, the client asks a server that is silent for minutes.
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1}),
        get_client(httpx_settings={"timeout": _ANSWER_TIMEOUT_S}, sync_client=True) as client,
    ):
        failure = client.api_healthcheck()
    return None if failure is None else type(failure).__name__
