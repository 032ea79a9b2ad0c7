"""Draws how fast calls were answered: by day, by part, by agent, and in the worst calls.

Nothing is computed here: each number in a chart is a number of a row of `sql/report/`.
"""

from __future__ import annotations

import altair as alt

from pipeline.report.drawing import (
    BEFORE,
    HEIGHT,
    LATENCY,
    Card,
    Drawing,
    draw_before,
    draw_ranges,
    make_chart,
    make_day_axis,
    make_day_tooltip,
    make_latency_tooltip,
    make_range_legend,
    make_spec,
    make_tooltip,
)
from pipeline.report.labels import METRICS, LegendEntry
from pipeline.report.queries import Answers, Row

_MOST_CALLS = 12
_NO_LATENCY = "No call reports its end-to-end latency."


def draw_latency(answers: Answers) -> Card:
    """Return the chart of end-to-end latency, by day."""
    rows, zone = answers.charts["latency"], answers.state.time_zone
    before = answers.before.get("latency", [])
    base = make_chart().encode(
        x=make_day_axis(rows), tooltip=[make_day_tooltip(zone), *make_latency_tooltip("turns", "calls")]
    )

    def band(low: str, high: str, opacity: float) -> Drawing:
        y = alt.Y(f"{low}_ms:Q", title="latency (ms)")
        return base.mark_area(color=LATENCY, opacity=opacity).encode(y=y, y2=f"{high}_ms:Q")

    def line(percentile: str, width: float, dash: list[float]) -> Drawing:
        drawn = base.mark_line(color=LATENCY, strokeWidth=width, strokeDash=dash)
        return drawn.encode(y=f"{percentile}_ms:Q")

    p50 = alt.Y("p50_ms:Q", title="latency (ms)")
    earlier = make_tooltip(p50_ms=("p50 (ms)", ",.0f"), samples=("turns", ","), calls=("calls", ","))
    pale = draw_before(rows, zone, before, p50, *earlier)
    drawn = alt.layer(
        *pale[:1],
        band("p50", "p95", 0.26),
        band("p95", "p99", 0.12),
        line("p99", 1, [2, 3]),
        line("p95", 1.25, [6, 3]),
        line("p50", 2.25, [1, 0]),
        base.mark_point(color=LATENCY, filled=True, size=30, opacity=1).encode(y="p50_ms:Q"),
        # A wide stripe over each day, so that its numbers show wherever one points.
        base.mark_rule(strokeWidth=24, opacity=0),
        # Over the stripes, so that they can be pointed at.
        *pale[1:],
    ).properties(height=HEIGHT)
    legend = [
        LegendEntry("p50", "p50", LATENCY, "line"),
        LegendEntry("p95", "p95", LATENCY, "dash"),
        LegendEntry("p99", "p99", LATENCY, "dots"),
    ]
    note = "Percentiles over all turns of a day, pooled and never averaged."
    title = "End-to-end latency by day: p50, p95 (dashed) and p99 (dotted)"
    title += "; pale: p50 of the period before" if before else ""
    return Card(
        "latency",
        "End-to-end latency",
        note,
        rows,
        make_spec(drawn, title),
        [*legend, BEFORE._replace(label="p50, period before")] if before else legend,
        True,
        _NO_LATENCY,
        before,
    )


def draw_parts(answers: Answers) -> Card:
    """Return the chart of what answers are made of."""
    rows = [
        row | {"label": METRICS.get(row["metric"], row["metric"])} for row in answers.charts["latency_parts"]
    ]
    drawn = make_spec(
        draw_ranges(rows, "p99", make_tooltip(label=("", "")) + make_latency_tooltip("samples")),
        "Latency by part",
    )
    note = "What an answer is made of, over the whole period."
    return Card(
        "latency_parts", "Latency by part", note, rows, drawn, make_range_legend("p99"), empty=_NO_LATENCY
    )


def draw_agents(answers: Answers) -> Card:
    """Return the chart of latency, agent by agent."""
    rows = [row | {"label": answers.label_agent(row["agent_id"])} for row in answers.charts["latency_agents"]]
    drawn = make_spec(
        draw_ranges(rows, "p99", make_tooltip(label=("", "")) + make_latency_tooltip("turns", "calls")),
        "Latency by agent",
    )
    note = "End to end, over the whole period; the slowest first."
    return Card(
        "latency_agents", "Latency by agent", note, rows, drawn, make_range_legend("p99"), empty=_NO_LATENCY
    )


def draw_worst(answers: Answers) -> Card:
    """Return the chart of the slowest of the worst calls."""
    timed = [call for call in answers.calls if call["p50_ms"] is not None and call["p95_ms"] is not None]
    rows = [
        {
            "label": _label_start(call),
            "agent": answers.label_agent(call["agent_id"]),
            "link": f"#call-{call['call_id']}",
            "p50_ms": call["p50_ms"],
            "p95_ms": call["p95_ms"],
            "max_ms": call["max_ms"],
        }
        for call in sorted(timed, key=lambda call: -call["p95_ms"])[:_MOST_CALLS]
    ]
    shown = {f"{name}_ms": (f"{name} (ms)", ",.0f") for name in ("p50", "p95", "max")}
    tooltip = make_tooltip(agent=("", ""), label=(f"started ({answers.state.time_zone})", ""), **shown)
    drawn = make_spec(
        draw_ranges(rows, "max", tooltip, 22, href="link:N"), "End-to-end latency of the worst calls"
    )
    note = f"End-to-end latency of the {_MOST_CALLS} slowest, and all that were bad. Click one to open it."
    return Card("worst", "Worst calls", note, rows, drawn, make_range_legend("max"), True, _NO_LATENCY)


def _label_start(call: Row) -> str:
    """Return when a call began; labels tell calls apart, so one without a date brings its id."""
    if call["started_at"] is None:
        return f"date unknown ({call['call_id'][-6:]})"
    return f"{call['started_at']:%b %d, %H:%M:%S}"
