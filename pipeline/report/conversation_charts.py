"""Draws what happened in conversations: who talked, who interrupted, tools and nodes.

Nothing is computed here: each number in a chart is a number of a row of `sql/report/`.
"""

from __future__ import annotations

import altair as alt

from pipeline.report.drawing import (
    Card,
    draw_bars_by_label,
    draw_lines,
    label_rows,
    make_long_rows,
    make_rate_axis,
    make_spec,
    make_tooltip,
    select_series,
)
from pipeline.report.figures import format_milliseconds, format_percent
from pipeline.report.labels import ENDINGS, LegendEntry
from pipeline.report.queries import Answers, Row
from pipeline.report.tables import Cell, Column, Table

_MOST_NODES = 12
_NO_WORDS = "No call brings timed words."


def draw_talk(answers: Answers) -> Card:
    """Return the chart of who talks how much, by day."""
    names = {
        "agent_talk_ratio": LegendEntry("agent", "agent's share of all talk", "var(--agent)", "line"),
        "silence_rate": LegendEntry("silence", "silence", "var(--quiet)", "line"),
    }
    rows = make_long_rows(answers.charts["dialogue"], names, "rate")
    counts = make_tooltip(rate=("share", ".1%"), timed_calls=("calls", ","))
    drawn = make_spec(
        draw_lines(
            rows,
            answers.state.time_zone,
            list(names.values()),
            make_rate_axis("time"),
            "timed_calls",
            *counts,
        ),
        "Talk ratio and silence by day",
    )
    note = "From word times; silence as a share of the dialogue. Larger points are more calls."
    return Card("talk", "Talk ratio and silence", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def draw_interruptions(answers: Answers) -> Card:
    """Return the chart of who interrupts, by day."""
    names = {
        "agent_interruptions_per_call": LegendEntry("agent", "agent interrupts user", "var(--agent)", "line"),
        "user_interruptions_per_call": LegendEntry("user", "user interrupts agent", "var(--user)", "line"),
    }
    rows = make_long_rows(answers.charts["dialogue"], names, "per_call")
    y = alt.Y("per_call:Q", title="interruptions per call", scale=alt.Scale(zero=True))
    counts = make_tooltip(per_call=("per call", ".2f"), timed_calls=("calls", ","))
    drawn = make_spec(
        draw_lines(rows, answers.state.time_zone, list(names.values()), y, "timed_calls", *counts),
        "Interruptions per call by day",
    )
    note = "Turns that begin while the other still speaks. Larger points are more calls."
    return Card("interruptions", "Interruptions", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def draw_tools(answers: Answers) -> Card:
    """Return the chart of tools and how they ended, with a table of how long they took."""
    rows = [row | {"label": row["name"] or "(no name)"} for row in answers.charts["tools"]]
    names = select_series(ENDINGS, rows, "ending")
    counts = make_tooltip(invocations=("invocations", ","), share=("of the tool's", ".1%"))
    drawn = make_spec(draw_bars_by_label(rows, "invocations", names, *counts), "Tools and how they ended")
    note = (
        "Invocations over the whole period, how they ended and, of those with a time, how long they took. "
        "Dead air: nobody spoke for more than 5 s."
    )
    return Card(
        "tools",
        "Tools",
        note,
        label_rows(rows, names, "ending"),
        drawn,
        names,
        empty="No call invoked a tool.",
        tables=_list_tool_times(answers.charts["tool_times"]),
    )


def _list_tool_times(rows: list[Row]) -> list[Table]:
    """Return a table of how long tools took; none where no payload says when they were invoked."""
    columns = (
        Column("Tool", is_number=False),
        Column("Timed", is_optional=True),
        Column("p50"),
        Column("p95"),
        Column("Dead air after"),
    )
    listed = [
        (
            Cell(row["name"] or "(no name)"),
            Cell(f"{row['timed_invocations']:,}"),
            Cell(format_milliseconds(row["p50_ms"])),
            Cell(format_milliseconds(row["p95_ms"])),
            _make_share(row["dead_air_rate"], row["dead_air_invocations"], row["watched_invocations"]),
        )
        for row in rows
        if row["timed_invocations"] or row["watched_invocations"]
    ]
    return [Table(columns, listed)] if listed else []


def _make_share(rate: float | None, part: int, whole: int) -> Cell:
    return Cell(format_percent(rate), [f"{part:,} of {whole:,}"] if whole else [])


def draw_nodes(answers: Answers) -> Card:
    """Return the table of nodes in which conversations end."""
    rows = answers.charts["nodes"][:_MOST_NODES]
    has_agents = len({row["agent_id"] for row in rows}) > 1
    columns = [
        Column("Node", is_number=False),
        *([Column("Agent", is_number=False)] if has_agents else []),
        Column("Entries"),
        Column("Calls ended here"),
        Column("Time in it, p50"),
    ]
    names = [(row["agent_id"], row["node_name"]) for row in rows]
    listed = [
        (
            # Several nodes of an agent can have one name.
            Cell(
                row["node_name"] or row["node_id"] or "(no name)",
                [row["node_id"] or "no id"] if names.count((row["agent_id"], row["node_name"])) > 1 else [],
            ),
            *([Cell(answers.label_agent(row["agent_id"]))] if has_agents else []),
            Cell(f"{row['entries']:,}"),
            _make_share(row["drop_off_rate"], row["drop_offs"], row["entries"]),
            Cell("–" if row["dwell_p50_s"] is None else f"{row['dwell_p50_s']:,.1f} s"),
        )
        for row in rows
    ]
    note = (
        f"The {_MOST_NODES} busiest nodes of conversation flows, all versions of an agent together. "
        "A transfer ends a call, too."
    )
    return Card(
        "nodes",
        "Where conversations end",
        note,
        rows,
        None,
        empty="No call goes through nodes.",
        tables=[Table(columns, listed)],
    )
