"""Shows a run on the Prefect server: the name of its flow run, its progress, and its reports as artifacts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run
from prefect.settings import get_current_settings

from pipeline.config import Settings
from pipeline.errors import WarehouseError
from pipeline.flows import markdown
from pipeline.log.hidden import escape_hidden
from pipeline.report.write import WrittenReport
from pipeline.runs.run_report import RunReport
from pipeline.warehouse import queries
from pipeline.warehouse.checks import CheckResult
from pipeline.warehouse.database import Warehouse


class Progress:
    """How far a run is, as one artifact that is updated while the run goes on."""

    def __init__(self, command: str) -> None:
        self.artifact: UUID | None = None
        self._command = command

    def show(self, percent: float) -> None:
        """Show how far the run is; a server that is away for a while is no reason to stop the run."""
        try:
            if self.artifact is None:
                key, description = f"{self._command}-progress", "Ids answered, of those to fetch"
                created: Any = create_progress_artifact(percent, key=key, description=description)
                self.artifact = created
            else:
                update_progress_artifact(self.artifact, percent)
        except Exception as failure:
            get_run_logger().warning("progress could not be shown (%s)", type(failure).__name__)


def name_flow_run(name: str) -> None:
    """Give this flow run a name that says what it does."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.get_id()), name=name)


def show_run_report(settings: Settings, report: RunReport, progress: UUID | None) -> None:
    """Show how a run ended, the reasons why calls ended, and links to these and to its progress."""
    found: dict[str, list[queries.Row]] = {}
    try:
        with Warehouse.of(settings).reading() as connection:
            found = queries.read_overview(connection, days=1)
    except WarehouseError as refused:
        get_run_logger().warning("%s", escape_hidden(str(refused)))
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


def show_checks(results: list[CheckResult]) -> None:
    """Show every check with its verdict."""
    create_markdown_artifact(
        markdown.format_checks(results), key="check-report", description="Every check with its verdict"
    )


def show_call_report(written: WrittenReport) -> None:
    """Show the figures and first charts of a call report, and where its page is."""
    create_markdown_artifact(
        markdown.format_call_report(written),
        key="call-report",
        description=escape_hidden(f"Report at {written.path.absolute()}"),
    )
