"""Lays out reports for people: what each command prints when `--json` is not given."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.cli import console
from pipeline.landing.repair import Repair
from pipeline.retell.account_pace import describe_rate
from pipeline.runs.plan import Plan
from pipeline.runs.run_report import OUTCOME_LABELS, RunReport
from pipeline.warehouse.checks import CheckResult

_LONG_TEXT = 60


def print_run(report: RunReport) -> None:
    """Print how a run ended: counts by outcome, then every id that did not become a call, and why."""
    if report.given == 0 and report.command in ("load", "replay"):
        console.print_text(
            f"{report.command} {report.status}: {report.calls_loaded:,} payloads from "
            f"{report.chunks_loaded:,} landed chunks in {report.duration_s:,.1f} s; "
            f"warehouse {report.warehouse}"
        )
        print_drift(report.drift)
        return
    console.print_text(f"{report.command} {report.status}: {report.summary}")
    console.print_text(
        f"{report.request_count:,} requests ({report.retry_count:,} retries) in {report.duration_s:,.1f} s; "
        f"warehouse {report.warehouse}"
    )
    if report.compared is not None:
        console.print_text(report.compared.summary)
    if report.account_rate is not None:
        console.print_text(describe_rate(report.account_rate))
    if report.unaccounted:
        print_unaccounted([vars(item) for item in report.unaccounted])
    print_drift(report.drift)


def print_repair(done: Repair) -> None:
    """Print what was mended in the landing folder, and what to do next."""
    if not done.chunks:
        if done.others:
            console.print_text(
                f"{done.others:,} files that are none of a chunk, or doubles, are in {done.set_aside} now"
            )
        console.print_text("every landed file is what its manifest says: nothing to repair")
        return
    console.print_table(
        [
            {"damaged chunk": chunk.chunk_id, "payloads kept": chunk.kept, "payloads lost": len(chunk.lost)}
            for chunk in done.chunks
        ]
    )
    console.print_text(f"the damaged files are in {done.set_aside}")
    console.print_text("next: python -m pipeline load")
    if done.lost_ids is not None:
        console.print_text(f"next: python -m pipeline backfill {done.lost_ids} --force")


def print_unaccounted(rows: list[dict[str, Any]]) -> None:
    """Print the ids that did not become a call, each with its reason and, for a payload, the place."""
    console.print_heading("Ids without a call")
    console.print_table(
        [
            {
                "call_id": row["call_id"],
                "outcome": OUTCOME_LABELS[row["outcome"]],
                "reason": row["reason"],
                "where": row["json_path"],
                "value": None if row["value"] is None else shorten(row["value"]),
            }
            | ({"times seen": row["seen_count"]} if "seen_count" in row else {})
            for row in rows
        ]
    )


def print_drift(rows: list[dict[str, Any]]) -> None:
    """Print what payloads hold that the API is not known to send; nothing where there is none."""
    if not rows:
        return
    console.print_heading("New in the API's payloads (loaded all the same)")
    console.print_table(
        [row | {"value": None if row["value"] is None else shorten(row["value"])} for row in rows],
        {
            "kind": "kind",
            "json_path": "where",
            "value": "value",
            "calls": "calls",
            "occurrences": "times",
            "first_call_id": "first call",
        },
    )


def print_plan(plan: Plan) -> None:
    """Print what a backfill would do."""
    console.print_text(
        f"would fetch {plan.to_fetch:,} of {plan.requested:,} ids"
        f" ({plan.duplicates:,} duplicates dropped, {plan.final:,} final already,"
        f" {plan.resting:,} not final but fetched just now); nothing was requested or written"
    )


def print_answers(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the first look at a warehouse."""
    console.print_heading("End-to-end latency by day and agent, pooled over turns (ms)")
    console.print_table(found["daily_latency"])
    console.print_heading("Why calls ended")
    console.print_table(
        [
            row | {"share": f"{row['share']:.1%}"} if row["share"] is not None else row
            for row in found["disconnections"]
        ]
    )
    console.print_heading("Rows")
    console.print_table(found["row_counts"])


def print_checks(results: list[CheckResult]) -> None:
    """Print every check with its verdict, and the first offending rows of those that did not pass."""
    console.print_table(
        [
            {"verdict": r.verdict, "check": r.name, "rows": r.offending, "what must hold": r.statement}
            for r in results
        ]
    )
    for result in results:
        if result.offending:
            console.print_heading(
                f"{result.name}: the first {len(result.sample)} of {result.offending:,} rows"
            )
            console.print_table(result.sample)
    verdicts = Counter(result.verdict for result in results)
    console.print_text(f"{verdicts['pass']} passed, {verdicts['warn']} warned, {verdicts['fail']} failed")


def print_status(found: dict[str, Any]) -> None:
    """Print how the warehouse stands."""
    console.print_text(f"warehouse {found['warehouse']} at revision {found['revision']}")
    if found["waiting_chunks"]:
        console.print_text(
            f"{len(found['waiting_chunks']):,} landed chunks wait: run `python -m pipeline load`"
        )
    console.print_heading("Latest runs")
    console.print_table(
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
    latest = found["runs"][0] if found["runs"] else {}
    if latest.get("allowed_calls_per_second") is not None:
        console.print_text(f"{latest['run_id']} {describe_rate(latest['allowed_calls_per_second'])}")
    console.print_heading("Ids by latest outcome")
    console.print_table(found["outcomes"], {"outcome": "outcome", "ids": "ids", "latest_at": "latest (UTC)"})
    print_reconciled(found["reconciled"])
    if found["unaccounted"]:
        print_unaccounted(found["unaccounted"])
    print_drift(found["drift"])
    if found["events"]:
        console.print_heading("Events received")
        shown = {"event": "event", "events": "events", "latest_at": "latest (UTC)", "becomes": "becomes"}
        console.print_table(found["events"], shown)
    console.print_heading("Rows")
    console.print_table(found["row_counts"], {"table_name": "table", "row_count": "rows"})


def print_reconciled(row: dict[str, Any] | None) -> None:
    """Print when warehouse and account were last proved to agree."""
    if row is None:
        console.print_text(
            "warehouse and account have not been compared yet: run `python -m pipeline reconcile`"
        )
        return
    console.print_text(
        f"warehouse and account agreed at {row['proved_at']:%Y-%m-%d %H:%M} (UTC) on the "
        f"{row['listed_count']:,} calls that started from {row['since_at']:%Y-%m-%d} "
        f"to {row['until_at']:%Y-%m-%d}"
    )


def print_call(found: dict[str, Any]) -> None:
    """Print one call: its fields, its latency, its tools, and what was said."""
    fields = {name: value for name, value in (found["call"] or {}).items() if value is not None}
    if fields:
        console.print_heading("Call")
        console.print_table(
            [{"field": name, "value": console.format_cell(value)} for name, value in fields.items()]
        )
    if found["outcome"]:
        console.print_heading("Latest outcome of the id")
        console.print_table(
            [
                {"field": name, "value": console.format_cell(value)}
                for name, value in found["outcome"].items()
                if value is not None and name != "call_id"
            ]
        )
    for title, part in (("Latency (ms)", "latency"), ("Tools", "tools"), ("What was said", "turns")):
        if found[part]:
            console.print_heading(title)
            console.print_table(found[part])


def shorten(text: str) -> str:
    """Return a text cut to what fits a table cell."""
    return text if len(text) <= _LONG_TEXT else text[: _LONG_TEXT - 1] + "…"
