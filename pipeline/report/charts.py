"""Draws the charts of the report's first page, each with its title and a sentence on how to read it.

Nothing is computed here: each number in a chart is a number of a row of `sql/report/`.
"""

from __future__ import annotations

from collections.abc import Callable

import altair as alt

from pipeline.report.drawing import (
    HEIGHT,
    LATENCY,
    Card,
    Drawing,
    draw_bars_by_day,
    draw_bars_by_label,
    draw_lines,
    draw_ranges,
    label_rows,
    make_chart,
    make_day_axis,
    make_day_tooltip,
    make_latency_tooltip,
    make_long_rows,
    make_range_legend,
    make_rate_axis,
    make_spec,
    make_tooltip,
    select_series,
)
from pipeline.report.labels import CATEGORIES, ENDINGS, METRICS, RESULTS, SENTIMENTS, VERDICTS, LegendEntry
from pipeline.report.queries import Answers

_MOST_REASONS = 12
_MOST_CALLS = 12
_NO_AGENT = "no agent named"
_NO_LATENCY = "No call reports its end-to-end latency."
_NO_WORDS = "No call brings timed words."


def draw_cards(answers: Answers) -> list[Card]:
    """Return every chart in the order of the page; one without rows shows a sentence instead."""
    return [draw(answers) for draw in _CHARTS]


def _make_calls_axis(share: bool = False) -> alt.Y:
    if share:
        axis = alt.Axis(labelExpr="datum.value * 100")
        return alt.Y("calls:Q", title="share of calls (%)", stack="normalize", axis=axis)
    return alt.Y("calls:Q", title="calls", axis=alt.Axis(tickMinStep=1, format=",d"))


def _draw_volume(answers: Answers) -> Card:
    rows = answers.charts["volume"]
    names = select_series(RESULTS, rows, "result")
    counts = make_tooltip(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = make_spec(
        draw_bars_by_day(rows, names, _make_calls_axis(), *counts), "Calls by day and how far they came"
    )
    note = "By day, and how far they came. A call that never started is on the day it was first fetched."
    return Card("volume", "Calls", note, label_rows(rows, names, "result"), drawn, names, is_wide=True)


def _draw_latency(answers: Answers) -> Card:
    rows = answers.charts["latency"]
    base = make_chart().encode(
        x=make_day_axis(rows), tooltip=[make_day_tooltip(), *make_latency_tooltip("turns", "calls")]
    )

    def band(low: str, high: str, opacity: float) -> Drawing:
        y = alt.Y(f"{low}_ms:Q", title="latency (ms)")
        return base.mark_area(color=LATENCY, opacity=opacity).encode(y=y, y2=f"{high}_ms:Q")

    def line(percentile: str, width: float, dash: list[float]) -> Drawing:
        drawn = base.mark_line(color=LATENCY, strokeWidth=width, strokeDash=dash)
        return drawn.encode(y=f"{percentile}_ms:Q")

    drawn = alt.layer(
        band("p50", "p95", 0.26),
        band("p95", "p99", 0.12),
        line("p99", 1, [2, 3]),
        line("p95", 1.25, [6, 3]),
        line("p50", 2.25, [1, 0]),
        base.mark_point(color=LATENCY, filled=True, size=30, opacity=1).encode(y="p50_ms:Q"),
        # A wide stripe over each day, so that its numbers show wherever one points.
        base.mark_rule(strokeWidth=24, opacity=0),
    ).properties(height=HEIGHT)
    legend = [
        LegendEntry("p50", "p50", LATENCY, "line"),
        LegendEntry("p95", "p95", LATENCY, "dash"),
        LegendEntry("p99", "p99", LATENCY, "dots"),
    ]
    note = "Percentiles over all turns of a day, pooled and never averaged."
    title = "End-to-end latency by day: p50, p95 (dashed) and p99 (dotted)"
    return Card(
        "latency", "End-to-end latency", note, rows, make_spec(drawn, title), legend, True, _NO_LATENCY
    )


def _draw_parts(answers: Answers) -> Card:
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


def _draw_agents(answers: Answers) -> Card:
    rows = [
        row | {"label": answers.agents.get(row["agent_id"], _NO_AGENT)}
        for row in answers.charts["latency_agents"]
    ]
    drawn = make_spec(
        draw_ranges(rows, "p99", make_tooltip(label=("", "")) + make_latency_tooltip("turns", "calls")),
        "Latency by agent",
    )
    note = "End to end, over the whole period; the slowest first."
    return Card(
        "latency_agents", "Latency by agent", note, rows, drawn, make_range_legend("p99"), empty=_NO_LATENCY
    )


def _draw_disconnections(answers: Answers) -> Card:
    rows = answers.charts["disconnections"]
    names = select_series(CATEGORIES, rows, "category")
    counts = make_tooltip(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = make_spec(
        draw_bars_by_day(rows, names, _make_calls_axis(), *counts), "How calls ended, by day and category"
    )
    note = "Calls that are over, by category of the reason."
    return Card(
        "disconnections",
        "How calls ended",
        note,
        label_rows(rows, names, "category"),
        drawn,
        names,
        empty="No call is over.",
    )


def _draw_reasons(answers: Answers) -> Card:
    rows = [
        row | {"label": row["disconnection_reason"] or "(none)"}
        for row in answers.charts["reasons"][:_MOST_REASONS]
    ]
    names = select_series(CATEGORIES, rows, "category")
    counts = make_tooltip(calls=("calls", ","), share=("of all calls", ".1%"))
    drawn = make_spec(draw_bars_by_label(rows, "calls", names, *counts), "Reasons of disconnection")
    note = f"The {_MOST_REASONS} commonest as sent, over the whole period."
    return Card(
        "reasons",
        "Why calls ended",
        note,
        label_rows(rows, names, "category"),
        drawn,
        names,
        empty="No call is over.",
    )


def _draw_sentiment(answers: Answers) -> Card:
    rows = answers.charts["sentiment"]
    names = select_series(SENTIMENTS, rows, "sentiment")
    counts = make_tooltip(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = make_spec(
        draw_bars_by_day(rows, names, _make_calls_axis(share=True), *counts), "User sentiment by day"
    )
    note = "What the analysis says of users of connected calls."
    return Card(
        "sentiment",
        "User sentiment",
        note,
        label_rows(rows, names, "sentiment"),
        drawn,
        names,
        empty="No connected call has an analysis.",
    )


def _draw_success(answers: Answers) -> Card:
    names = select_series(VERDICTS, answers.charts["success"], "verdict")
    rows = label_rows(answers.charts["success"], names, "verdict")
    counts = make_tooltip(
        rate=("share", ".1%"), good_calls=("calls", ","), judged_calls=("of judged calls", ",")
    )
    drawn = make_spec(
        draw_lines(rows, names, make_rate_axis("calls"), "judged_calls", *counts), "Success by day"
    )
    note = "Connected calls that reached their goal, of those judged. Larger points are more calls."
    return Card("success", "Success", note, rows, drawn, names, empty="No connected call was judged.")


def _draw_talk(answers: Answers) -> Card:
    names = {
        "agent_talk_ratio": LegendEntry("agent", "agent's share of all talk", "var(--agent)", "line"),
        "silence_rate": LegendEntry("silence", "silence", "var(--quiet)", "line"),
    }
    rows = make_long_rows(answers.charts["dialogue"], names, "rate")
    counts = make_tooltip(rate=("share", ".1%"), timed_calls=("calls", ","))
    drawn = make_spec(
        draw_lines(rows, list(names.values()), make_rate_axis("time"), "timed_calls", *counts),
        "Talk ratio and silence by day",
    )
    note = "From word times; silence as a share of the dialogue. Larger points are more calls."
    return Card("talk", "Talk ratio and silence", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def _draw_interruptions(answers: Answers) -> Card:
    names = {
        "agent_interruptions_per_call": LegendEntry("agent", "agent interrupts user", "var(--agent)", "line"),
        "user_interruptions_per_call": LegendEntry("user", "user interrupts agent", "var(--user)", "line"),
    }
    rows = make_long_rows(answers.charts["dialogue"], names, "per_call")
    y = alt.Y("per_call:Q", title="interruptions per call", scale=alt.Scale(zero=True))
    counts = make_tooltip(per_call=("per call", ".2f"), timed_calls=("calls", ","))
    drawn = make_spec(
        draw_lines(rows, list(names.values()), y, "timed_calls", *counts), "Interruptions per call by day"
    )
    note = "Turns that begin while the other still speaks. Larger points are more calls."
    return Card("interruptions", "Interruptions", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def _draw_tools(answers: Answers) -> Card:
    rows = [row | {"label": row["name"] or "(no name)"} for row in answers.charts["tools"]]
    names = select_series(ENDINGS, rows, "ending")
    counts = make_tooltip(invocations=("invocations", ","), share=("of the tool's", ".1%"))
    drawn = make_spec(draw_bars_by_label(rows, "invocations", names, *counts), "Tools and how they ended")
    note = "Invocations over the whole period, and how they ended."
    return Card(
        "tools",
        "Tools",
        note,
        label_rows(rows, names, "ending"),
        drawn,
        names,
        empty="No call invoked a tool.",
    )


def _draw_costs(answers: Answers) -> Card:
    rows = [
        row
        | {
            "line": f"{row['product'] or '(no name)'}{' (transfer)' if row['is_transfer_leg'] else ''}",
            "cost_dollars": None if row["cost_cents"] is None else row["cost_cents"] / 100,
        }
        for row in answers.charts["costs"]
    ]
    names = select_series([], rows, "line")
    y = alt.Y("cost_dollars:Q", title="cost ($)")
    drawn = make_spec(
        draw_bars_by_day(rows, names, y, *make_tooltip(cost_dollars=("cost ($)", ",.2f"))), "Cost by day"
    )
    note = "By day and product, of calls that bring a cost."
    return Card(
        "costs", "Cost", note, label_rows(rows, names, "line"), drawn, names, empty="No call brings its cost."
    )


def _draw_worst(answers: Answers) -> Card:
    timed = [call for call in answers.calls if call["p50_ms"] is not None and call["p95_ms"] is not None]
    rows = [
        {
            "label": f"{call['started_at']:%b %d, %H:%M:%S}",
            "agent": answers.agents.get(call["agent_id"], _NO_AGENT),
            "link": f"#call-{call['call_id']}",
            "p50_ms": call["p50_ms"],
            "p95_ms": call["p95_ms"],
            "max_ms": call["max_ms"],
        }
        for call in sorted(timed, key=lambda call: -call["p95_ms"])[:_MOST_CALLS]
    ]
    shown = {f"{name}_ms": (f"{name} (ms)", ",.0f") for name in ("p50", "p95", "max")}
    tooltip = make_tooltip(agent=("", ""), label=("started (UTC)", ""), **shown)
    drawn = make_spec(
        draw_ranges(rows, "max", tooltip, 22, href="link:N"), "End-to-end latency of the worst calls"
    )
    note = f"End-to-end latency of the {_MOST_CALLS} slowest, and all that were bad. Click one to open it."
    return Card("worst", "Worst calls", note, rows, drawn, make_range_legend("max"), True, _NO_LATENCY)


_CHARTS: tuple[Callable[[Answers], Card], ...] = (
    _draw_volume,
    _draw_latency,
    _draw_parts,
    _draw_agents,
    _draw_disconnections,
    _draw_reasons,
    _draw_sentiment,
    _draw_success,
    _draw_talk,
    _draw_interruptions,
    _draw_tools,
    _draw_costs,
    _draw_worst,
)
