"""Writes reports as Markdown, for places that show them as pages.

What comes from payloads (agent names, reasons) is escaped, hidden characters too, and neither transcript text
nor the offending value of a rejected payload is written: a page is read by more people than the warehouse.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pipeline.log.hidden import escape_hidden
from pipeline.report import figures
from pipeline.report.write import WrittenReport
from pipeline.retell.account_pace import describe_rate
from pipeline.runs.run_report import OUTCOME_LABELS, RunReport
from pipeline.warehouse.checks import CheckResult

_MOST_ROWS = 100
_WHITE_SPACE = re.compile(r"[\r\n\t]+")
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>()#+!|~&"})


def format_run_report(report: RunReport, latency: list[dict[str, Any]], links: Mapping[str, str]) -> str:
    """Return how a run ended: outcomes, speed, ids without a call and why, and the latest day's latency."""
    rate = report.request_count / report.duration_s if report.duration_s else 0.0
    parts = [
        f"# {report.command} {report.status}",
        f"{report.summary}.",
        "" if report.account_rate is None else f"The run was {describe_rate(report.account_rate)}.",
        " · ".join(f"[{_escape(title)}]({address})" for title, address in links.items()),
        _format_table(
            [{"outcome": OUTCOME_LABELS[name], "ids": ids} for name, ids in report.outcomes.items()]
        ),
        _format_table(
            [
                {"measure": "run", "value": report.run_id},
                {"measure": "started (UTC)", "value": report.started_at},
                {"measure": "duration (s)", "value": report.duration_s},
                {"measure": "requests", "value": report.request_count},
                {"measure": "retries", "value": report.retry_count},
                {"measure": "requests per second", "value": rate},
                {"measure": "calls fetched", "value": report.fetched_count},
                {"measure": "calls loaded", "value": report.calls_loaded},
            ]
        ),
    ]
    stopped = [str(report.error)] if report.error else []
    for problem in [*stopped, *report.problems]:
        parts.append(f"**Problem:** {_escape(problem)}")
    if report.unaccounted:
        parts.append("## Ids without a call")
        parts.append(
            _format_table(
                {
                    "call_id": item.call_id,
                    "outcome": OUTCOME_LABELS[item.outcome],
                    "reason": item.reason,
                    "where": item.json_path,
                }
                for item in report.unaccounted[:_MOST_ROWS]
            )
        )
        left = len(report.unaccounted) - _MOST_ROWS
        if left > 0:
            parts.append(f"… and {left:,} more: `python -m pipeline status` lists them all.")
    if latency:
        parts.append("## End-to-end latency of the latest day, pooled over turns (ms)")
        parts.append(_format_table(latency))
    return "\n\n".join(part for part in parts if part) + "\n"


def format_checks(results: list[CheckResult]) -> str:
    """Return every check with its verdict; those that did not pass come first."""
    offending = sorted(results, key=lambda result: (not result.offending, result.severity, result.name))
    return "# Checks of the warehouse\n\n" + _format_table(
        {
            "verdict": result.verdict,
            "check": result.name,
            "rows": result.offending,
            "what must hold": result.statement,
        }
        for result in offending
    )


def format_call_report(written: WrittenReport) -> str:
    """Return where a report is, its key figures, its first charts, and which calls were the worst and why."""
    answers, image = written.answers, written.draw_png()
    agent = answers.agents.get(answers.filters.agent_id or "", "all agents")
    parts = [
        "# Call report",
        f"{_escape(f'{written.path.absolute()}: {agent}, {answers.period} ({answers.state.time_zone})')}.",
        _format_table(
            {"figure": name, "value": value, "made of": note}
            for name, value, note in figures.list_key_figures(answers)
        ),
    ]
    if image is not None:
        parts.append(f"![The first charts](data:image/png;base64,{base64.b64encode(image).decode()})")
    worst = figures.rank_worst_calls(answers)
    if worst:
        parts.append("## Worst calls")
        parts.append(
            _format_table({"call_id": call, "what was bad": ", ".join(why)} for call, why in worst.items())
        )
    return "\n\n".join(parts) + "\n"


def make_json_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with values that JSON has, for a table that is shown as one."""
    return [{name: _make_json_value(value) for name, value in row.items()} for row in rows]


def _make_json_value(value: Any) -> Any:
    if isinstance(value, date):
        return str(value)
    return escape_hidden(value, keeps_lines=True) if isinstance(value, str) else value


def _format_table(rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_format_cell(row[name]) for name in rows[0]] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return _escape(f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value))


def _escape(text: str) -> str:
    # A cell is one line; other ends of lines than these are spelled, as all hidden characters are.
    return escape_hidden(_WHITE_SPACE.sub(" ", text)).translate(_SPECIAL)
