"""Lists the newest version of each agent beside the version before it, metric by metric.

Nothing is computed here: each number is one of a row of `sql/report/versions.sql`.
"""

from __future__ import annotations

from pipeline.report.drawing import Card
from pipeline.report.figures import format_milliseconds, format_percent
from pipeline.report.labels import HEADLINES
from pipeline.report.queries import Answers, Row
from pipeline.report.tables import Cell, Column, Table

_MOST_AGENTS = 4
_COLUMNS = (Column("Metric", is_number=False), Column("Before"), Column("Now"), Column("Clear change"))
_ORDER = {metric: place for place, metric in enumerate(HEADLINES)}
_CLEAR = {True: "yes", False: "no", None: "–"}


def draw_versions(answers: Answers) -> Card:
    """Return a table for each of the busiest agents that have calls of two versions."""
    found = answers.charts["versions"]
    # The busiest come first, and an agent that is not named last.
    compared = {row["agent_id"] for row in found}
    agents = [agent for agent in (*answers.agents, None) if agent in compared]
    shown = agents[:_MOST_AGENTS]
    whose = f"of the {_MOST_AGENTS} busiest agents" if len(agents) > len(shown) else "of each agent"
    whose = "of this agent" if answers.filters.agent_id else whose
    since = answers.filters.since
    earlier = "" if since is None else f", also those before {since}"
    note = (
        f"The newest version {whose} beside the one before it, over all calls of both{earlier}. "
        "Below a value: how many it is made of, and its 95 % interval. "
        "A change is clear where the two intervals do not overlap; a dash stands where one is not known."
    )
    return Card(
        "versions",
        "Versions compared",
        note,
        found,
        None,
        is_wide=True,
        empty="No agent has calls of two versions.",
        tables=[_make_table(answers, [row for row in found if row["agent_id"] == agent]) for agent in shown],
    )


def _make_table(answers: Answers, rows: list[Row]) -> Table:
    first = rows[0]
    versions = f"version {first['previous_version']} → {first['agent_version']}"
    return Table(
        _COLUMNS,
        [
            (
                Cell(HEADLINES.get(row["metric"], (row["metric"], ""))[0]),
                _make_value(row, "previous_"),
                _make_value(row, ""),
                Cell(_CLEAR[row["is_clear"]]),
            )
            for row in sorted(rows, key=lambda row: _ORDER.get(row["metric"], len(_ORDER)))
        ],
        f"{answers.label_agent(first['agent_id'])}, {versions}",
    )


def _make_value(row: Row, prefix: str) -> Cell:
    """Return a value with what it is made of: how many of what, and the interval where there is one."""
    metric, low, high = row["metric"], row[f"{prefix}low"], row[f"{prefix}high"]
    counted = HEADLINES.get(metric, ("", ""))[1]
    made_of = [f"{row[f'{prefix}count']:,} {counted}"] if counted else []
    if low is not None and high is not None:
        made_of.append(_format_interval(metric, low, high))
    return Cell(_format_value(metric, row[f"{prefix}value"]), made_of)


def _format_interval(metric: str, low: float, high: float) -> str:
    if metric.endswith("_rate"):
        return f"{low * 100:.0f}–{high:.0%}"
    return f"{low:,.0f}–{high:,.0f} ms"


def _format_value(metric: str, value: float) -> str:
    if metric.endswith("_rate"):
        return format_percent(value)
    if metric.endswith("_ms"):
        return format_milliseconds(value)
    return f"{value:,.1f} ¢" if metric.startswith("cents_") else f"{value:,.0f}"
