"""The charts of the report's first page, in their order: what each shows, and the sentence on how to read it.

Nothing is computed here: a number in a chart is a number of a row, as `sql/report/` gives it.
"""

from __future__ import annotations

from collections.abc import Callable

import altair as alt

from pipeline.report.drawing import (
    HEIGHT,
    LATENCY,
    Card,
    Drawing,
    bars_by_day,
    bars_by_label,
    chart,
    days,
    labelled,
    lines,
    long,
    occurring,
    range_legend,
    ranges,
    rate,
    spec,
    told,
    told_day,
    told_latency,
)
from pipeline.report.labels import CATEGORIES, ENDINGS, METRICS, RESULTS, SENTIMENTS, VERDICTS, Named
from pipeline.report.queries import Answers

_MOST_REASONS = 12
_MOST_CALLS = 12
_NO_AGENT = "no agent named"
_NO_LATENCY = "No call reports its end-to-end latency."
_NO_WORDS = "No call brings timed words."


def cards(answers: Answers) -> list[Card]:
    """Return every chart in the order of the page; one without rows has nothing to draw."""
    return [draw(answers) for draw in _DRAWN]


def _calls(share: bool = False) -> alt.Y:
    if share:
        axis = alt.Axis(labelExpr="datum.value * 100")
        return alt.Y("calls:Q", title="share of calls (%)", stack="normalize", axis=axis)
    return alt.Y("calls:Q", title="calls", axis=alt.Axis(tickMinStep=1, format=",d"))


def _volume(answers: Answers) -> Card:
    rows = answers.charts["volume"]
    names = occurring(RESULTS, rows, "result")
    counts = told(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = spec(bars_by_day(rows, names, _calls(), *counts), "Calls by day and how far they came")
    note = "By day, and how far they came. A call that never started is on the day it was first fetched."
    return Card("volume", "Calls", note, labelled(rows, names, "result"), drawn, names, is_wide=True)


def _latency(answers: Answers) -> Card:
    rows = answers.charts["latency"]
    base = chart().encode(x=days(rows), tooltip=[told_day(), *told_latency("turns", "calls")])

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
        Named("p50", "p50", LATENCY, "line"),
        Named("p95", "p95", LATENCY, "dash"),
        Named("p99", "p99", LATENCY, "dots"),
    ]
    note = "Percentiles over all turns of a day, pooled and never averaged."
    title = "End-to-end latency by day: p50, p95 (dashed) and p99 (dotted)"
    return Card("latency", "End-to-end latency", note, rows, spec(drawn, title), legend, True, _NO_LATENCY)


def _parts(answers: Answers) -> Card:
    rows = [
        row | {"label": METRICS.get(row["metric"], row["metric"])} for row in answers.charts["latency_parts"]
    ]
    drawn = spec(ranges(rows, "p99", told(label=("", "")) + told_latency("samples")), "Latency by part")
    note = "What an answer is made of, over the whole period."
    return Card("latency_parts", "Latency by part", note, rows, drawn, range_legend("p99"), empty=_NO_LATENCY)


def _agents(answers: Answers) -> Card:
    rows = [
        row | {"label": answers.agents.get(row["agent_id"], _NO_AGENT)}
        for row in answers.charts["latency_agents"]
    ]
    drawn = spec(
        ranges(rows, "p99", told(label=("", "")) + told_latency("turns", "calls")), "Latency by agent"
    )
    note = "End to end, over the whole period; the slowest first."
    return Card(
        "latency_agents", "Latency by agent", note, rows, drawn, range_legend("p99"), empty=_NO_LATENCY
    )


def _disconnections(answers: Answers) -> Card:
    rows = answers.charts["disconnections"]
    names = occurring(CATEGORIES, rows, "category")
    counts = told(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = spec(bars_by_day(rows, names, _calls(), *counts), "How calls ended, by day and category")
    note = "Calls that are over, by category of the reason."
    return Card(
        "disconnections",
        "How calls ended",
        note,
        labelled(rows, names, "category"),
        drawn,
        names,
        empty="No call is over.",
    )


def _reasons(answers: Answers) -> Card:
    rows = [
        row | {"label": row["disconnection_reason"] or "(none)"}
        for row in answers.charts["reasons"][:_MOST_REASONS]
    ]
    names = occurring(CATEGORIES, rows, "category")
    counts = told(calls=("calls", ","), share=("of all calls", ".1%"))
    drawn = spec(bars_by_label(rows, "calls", names, *counts), "Reasons of disconnection")
    note = f"The {_MOST_REASONS} commonest as sent, over the whole period."
    return Card(
        "reasons",
        "Why calls ended",
        note,
        labelled(rows, names, "category"),
        drawn,
        names,
        empty="No call is over.",
    )


def _sentiment(answers: Answers) -> Card:
    rows = answers.charts["sentiment"]
    names = occurring(SENTIMENTS, rows, "sentiment")
    counts = told(calls=("calls", ","), share=("of the day", ".1%"))
    drawn = spec(bars_by_day(rows, names, _calls(share=True), *counts), "User sentiment by day")
    note = "What the analysis says of users of connected calls."
    return Card(
        "sentiment",
        "User sentiment",
        note,
        labelled(rows, names, "sentiment"),
        drawn,
        names,
        empty="No connected call has an analysis.",
    )


def _success(answers: Answers) -> Card:
    names = occurring(VERDICTS, answers.charts["success"], "verdict")
    rows = labelled(answers.charts["success"], names, "verdict")
    counts = told(rate=("share", ".1%"), good_calls=("calls", ","), judged_calls=("of judged calls", ","))
    drawn = spec(lines(rows, names, rate("calls"), "judged_calls", *counts), "Success by day")
    note = "Connected calls that reached their goal, of those judged. Larger points are more calls."
    return Card("success", "Success", note, rows, drawn, names, empty="No connected call was judged.")


def _talk(answers: Answers) -> Card:
    names = {
        "agent_talk_ratio": Named("agent", "agent's share of all talk", "var(--agent)", "line"),
        "silence_rate": Named("silence", "silence", "var(--quiet)", "line"),
    }
    rows = long(answers.charts["dialogue"], names, "rate")
    counts = told(rate=("share", ".1%"), timed_calls=("calls", ","))
    drawn = spec(
        lines(rows, list(names.values()), rate("time"), "timed_calls", *counts),
        "Talk ratio and silence by day",
    )
    note = "From word times; silence as a share of the dialogue. Larger points are more calls."
    return Card("talk", "Talk ratio and silence", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def _interruptions(answers: Answers) -> Card:
    names = {
        "agent_interruptions_per_call": Named("agent", "agent interrupts user", "var(--agent)", "line"),
        "user_interruptions_per_call": Named("user", "user interrupts agent", "var(--user)", "line"),
    }
    rows = long(answers.charts["dialogue"], names, "per_call")
    y = alt.Y("per_call:Q", title="interruptions per call", scale=alt.Scale(zero=True))
    counts = told(per_call=("per call", ".2f"), timed_calls=("calls", ","))
    drawn = spec(
        lines(rows, list(names.values()), y, "timed_calls", *counts), "Interruptions per call by day"
    )
    note = "Turns that begin while the other still speaks. Larger points are more calls."
    return Card("interruptions", "Interruptions", note, rows, drawn, list(names.values()), empty=_NO_WORDS)


def _tools(answers: Answers) -> Card:
    rows = [row | {"label": row["name"] or "(no name)"} for row in answers.charts["tools"]]
    names = occurring(ENDINGS, rows, "ending")
    counts = told(invocations=("invocations", ","), share=("of the tool's", ".1%"))
    drawn = spec(bars_by_label(rows, "invocations", names, *counts), "Tools and how they ended")
    note = "Invocations over the whole period, and how they ended."
    return Card(
        "tools", "Tools", note, labelled(rows, names, "ending"), drawn, names, empty="No call invoked a tool."
    )


def _costs(answers: Answers) -> Card:
    rows = [
        row
        | {
            "line": f"{row['product'] or '(no name)'}{' (transfer)' if row['is_transfer_leg'] else ''}",
            "cost_dollars": None if row["cost_cents"] is None else row["cost_cents"] / 100,
        }
        for row in answers.charts["costs"]
    ]
    names = occurring([], rows, "line")
    y = alt.Y("cost_dollars:Q", title="cost ($)")
    drawn = spec(bars_by_day(rows, names, y, *told(cost_dollars=("cost ($)", ",.2f"))), "Cost by day")
    note = "By day and product, of calls that bring a cost."
    return Card(
        "costs", "Cost", note, labelled(rows, names, "line"), drawn, names, empty="No call brings its cost."
    )


def _worst(answers: Answers) -> Card:
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
    tooltip = told(agent=("", ""), label=("started (UTC)", ""), **shown)
    drawn = spec(ranges(rows, "max", tooltip, 22, href="link:N"), "End-to-end latency of the worst calls")
    note = f"End-to-end latency of the {_MOST_CALLS} slowest, and all that were bad. Click one to open it."
    return Card("worst", "Worst calls", note, rows, drawn, range_legend("max"), True, _NO_LATENCY)


_DRAWN: tuple[Callable[[Answers], Card], ...] = (
    _volume,
    _latency,
    _parts,
    _agents,
    _disconnections,
    _reasons,
    _sentiment,
    _success,
    _talk,
    _interruptions,
    _tools,
    _costs,
    _worst,
)
