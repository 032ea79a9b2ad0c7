"""Lays out reports for people: what each command prints when `--json` is not given."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.cli import console
from pipeline.landing.repair import Repair
from pipeline.runs.plan import Plan
from pipeline.runs.report import OUTCOME_LABELS, RunReport
from pipeline.warehouse.checks import CheckResult

_LONG_TEXT = 60


def run(report: RunReport) -> None:
    """Print how a run ended: counts by outcome, then every id that did not become a call, and why."""
    if report.given == 0 and report.command in ("load", "replay"):
        console.text(
            f"{report.command} {report.status}: {report.calls_loaded:,} payloads from "
            f"{report.chunks_loaded:,} landed chunks in {report.duration_s:,.1f} s; "
            f"warehouse {report.warehouse}"
        )
        drift(report.drift)
        return
    console.text(f"{report.command} {report.status}: {report.summary}")
    console.text(
        f"{report.request_count:,} requests ({report.retry_count:,} retries) in {report.duration_s:,.1f} s; "
        f"warehouse {report.warehouse}"
    )
    if report.unaccounted:
        unaccounted([vars(item) for item in report.unaccounted])
    drift(report.drift)


def repair(done: Repair) -> None:
    """Print what was mended in the landing folder, and what to do next."""
    if not done.chunks:
        console.text("every landed file is what its manifest says: nothing to repair")
        return
    console.table(
        [
            {"damaged chunk": chunk.chunk_id, "payloads kept": chunk.kept, "payloads lost": len(chunk.lost)}
            for chunk in done.chunks
        ]
    )
    console.text(f"the damaged files are in {done.set_aside}")
    console.text("next: python -m pipeline load")
    if done.lost_ids is not None:
        console.text(f"next: python -m pipeline backfill {done.lost_ids} --force")


def unaccounted(rows: list[dict[str, Any]]) -> None:
    """Print the ids that did not become a call, each with its reason and, for a payload, the place."""
    console.heading("Ids without a call")
    console.table(
        [
            {
                "call_id": row["call_id"],
                "outcome": OUTCOME_LABELS[row["outcome"]],
                "reason": row["reason"],
                "where": row["json_path"],
                "value": None if row["value"] is None else short(row["value"]),
            }
            for row in rows
        ]
    )


def drift(rows: list[dict[str, Any]]) -> None:
    """Print what payloads hold that the API is not known to send; nothing where there is none."""
    if not rows:
        return
    console.heading("New in the API's payloads (loaded all the same)")
    console.table(
        [row | {"value": None if row["value"] is None else short(row["value"])} for row in rows],
        {
            "kind": "kind",
            "json_path": "where",
            "value": "value",
            "calls": "calls",
            "occurrences": "times",
            "first_call_id": "first call",
        },
    )


def plan(plan: Plan) -> None:
    """Print what a backfill would do."""
    console.text(
        f"would fetch {plan.to_fetch:,} of {plan.requested:,} ids"
        f" ({plan.duplicates:,} duplicates dropped, {plan.final:,} final already,"
        f" {plan.resting:,} not final but fetched just now); nothing was requested or written"
    )


def answers(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the first look at a warehouse."""
    console.heading("End-to-end latency by day and agent, pooled over turns (ms)")
    console.table(found["daily_latency"])
    console.heading("Why calls ended")
    console.table(
        [
            row | {"share": f"{row['share']:.1%}"} if row["share"] is not None else row
            for row in found["disconnections"]
        ]
    )
    console.heading("Rows")
    console.table(found["row_counts"])


def checks(results: list[CheckResult]) -> None:
    """Print every check with its verdict, and the first offending rows of those that did not pass."""
    console.table(
        [
            {"verdict": r.verdict, "check": r.name, "rows": r.offending, "what must hold": r.statement}
            for r in results
        ]
    )
    for result in results:
        if result.offending:
            console.heading(f"{result.name}: the first {len(result.sample)} of {result.offending:,} rows")
            console.table(result.sample)
    verdicts = Counter(result.verdict for result in results)
    console.text(f"{verdicts['pass']} passed, {verdicts['warn']} warned, {verdicts['fail']} failed")


def status(found: dict[str, Any]) -> None:
    """Print how the warehouse stands."""
    console.text(f"warehouse {found['warehouse']} at revision {found['revision']}")
    if found["waiting_chunks"]:
        console.text(f"{len(found['waiting_chunks']):,} landed chunks wait: run `python -m pipeline load`")
    console.heading("Latest runs")
    console.table(
        found["runs"],
        {
            "run_id": "run",
            "command": "command",
            "status": "status",
            "started_at": "started (UTC)",
            "requested_count": "ids",
            "fetched_count": "fetched",
            "request_count": "requests",
            "retry_count": "retries",
            "detail": "detail",
        },
    )
    console.heading("Ids by latest outcome")
    console.table(found["outcomes"], {"outcome": "outcome", "ids": "ids", "latest_at": "latest (UTC)"})
    if found["unaccounted"]:
        unaccounted(found["unaccounted"])
    drift(found["drift"])
    console.heading("Rows")
    console.table(found["row_counts"], {"table_name": "table", "row_count": "rows"})


def call(found: dict[str, Any]) -> None:
    """Print one call: its fields, its latency, its tools, and what was said."""
    fields = {name: value for name, value in (found["call"] or {}).items() if value is not None}
    if fields:
        console.heading("Call")
        console.table([{"field": name, "value": console.cell(value)} for name, value in fields.items()])
    if found["outcome"]:
        console.heading("Latest outcome of the id")
        console.table(
            [
                {"field": name, "value": console.cell(value)}
                for name, value in found["outcome"].items()
                if value is not None and name != "call_id"
            ]
        )
    for title, part in (("Latency (ms)", "latency"), ("Tools", "tools"), ("What was said", "turns")):
        if found[part]:
            console.heading(title)
            console.table(found[part])


def short(text: str) -> str:
    """Return a text cut to what fits a table cell."""
    return text if len(text) <= _LONG_TEXT else text[: _LONG_TEXT - 1] + "…"
