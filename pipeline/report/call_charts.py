"""Draws the charts of a call's page: who spoke when, how long each answer took, and the latency samples.

Each chart is drawn once for all calls; the page puts the rows of a call into it. Seconds are seconds of call
audio.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.report.drawing import LATENCY, Drawing, make_chart, make_spec, make_tooltip
from pipeline.report.labels import ROLES, LegendEntry
from pipeline.report.queries import Row

_LANES = ["agent", "user", "transfer", "tools"]
_LANE = 34
_SIDE = 64
_MOST_TEXT = 160
LEGEND = (
    LegendEntry("agent", "agent", "var(--agent)"),
    LegendEntry("user", "user", "var(--user)"),
    LegendEntry("overlap", "both at once", "var(--bad)"),
    LegendEntry("silence", "silence over 2 s", "var(--warn)", "band"),
    LegendEntry("succeeded", "tool succeeded", "var(--good)", "diamond"),
    LegendEntry("failed", "tool failed", "var(--bad)", "diamond"),
    LegendEntry("unknown", "tool, no verdict", "var(--quiet)", "diamond"),
)


def make_specs() -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by name."""
    return {
        "timeline": make_spec(_draw_timeline(), "Who spoke when, with overlaps, silences and tools"),
        "gaps": make_spec(_draw_gaps(), "How long the agent took to answer, turn by turn"),
        "samples": make_spec(_draw_samples(), "End-to-end latency samples of the call"),
    }


def make_rows(call: Row) -> dict[str, list[Row]]:
    """Return the rows of a call for each chart, by name."""
    texts = {turn["utterance_index"]: _shorten(turn["content"] or "") for turn in call["turns"]}
    ends = [(call["duration_ms"] or 0) / 1000, *(part["end_s"] for part in call["speech"])]
    end = {"kind": "end", "to": round(max(ends), 3)}
    spoken: list[Row] = [
        {
            "kind": "speech",
            "lane": ROLES.get(part["role"], "transfer"),
            "from": part["start_s"],
            "to": part["end_s"],
            "text": texts.get(part["utterance_index"], ""),
            "link": f"#call-{call['call_id']}/{part['utterance_index']}",
        }
        for part in call["speech"]
    ]
    marked: list[Row] = [
        {
            "kind": gap["kind"],
            "from": gap["start_s"],
            "to": gap["end_s"],
            "length": round(gap["end_s"] - gap["start_s"], 3),
        }
        for gap in call["gaps"]
    ]
    invoked: list[Row] = [
        {
            "kind": "tool",
            "lane": "tools",
            "from": tool["at_s"] or 0,
            "text": tool["name"] or "(no name)",
            "ending": {True: "succeeded", False: "failed"}.get(tool["successful"], "no verdict"),
        }
        for tool in call["call_tools"]
    ]
    answered: list[Row] = [
        {
            "kind": "gap",
            "from": turn["start_s"],
            "ms": turn["response_gap_ms"],
            "turn": turn["utterance_index"],
            "text": texts[turn["utterance_index"]],
            "link": f"#call-{call['call_id']}/{turn['utterance_index']}",
        }
        for turn in call["turns"]
        if turn["role"] == "agent" and turn["response_gap_ms"] is not None
    ]
    return {
        "timeline": [*spoken, *marked, *invoked, end] if spoken or invoked else [],
        "gaps": [*answered, end] if answered else [],
        "samples": [
            {"sample": sample["value_index"], "ms": sample["value_ms"]} for sample in call["samples"]
        ],
    }


def compute_timeline_height(shown: list[Row]) -> int:
    """Return the height of the timeline of a call, which has only the lanes that the call needs."""
    return _LANE * len({row["lane"] for row in shown if "lane" in row})


def _draw_timeline() -> Drawing:
    x = alt.X("from:Q", title="seconds", scale=alt.Scale(zero=True, nice=False), axis=alt.Axis(grid=False))
    y = alt.Y(
        "lane:N", sort=_LANES, title="who", axis=alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, domain=False)
    )
    base = make_chart().encode(x=x)
    span = make_tooltip(length=("seconds", ".2f"), **{"from": ("from (s)", ".1f"), "to": ("to (s)", ".1f")})

    def area(kind: str, fill: str, opacity: float) -> Drawing:
        return (
            _select_kind(kind, base)
            .mark_rect(color=fill, stroke=fill, opacity=opacity)
            .encode(x2="to:Q", tooltip=[*make_tooltip(kind=("", "")), *span])
        )

    lanes = alt.Scale(domain=_LANES[:3], range=["var(--agent)", "var(--user)", "var(--violet)"])
    endings = alt.Scale(
        domain=["succeeded", "failed", "no verdict"], range=["var(--good)", "var(--bad)", "var(--quiet)"]
    )
    return alt.layer(
        area("silence", "var(--warn)", 0.28),
        _select_kind("speech", base)
        .mark_bar(height=22, cornerRadius=3)
        .encode(
            x2="to:Q",
            y=y,
            href="link:N",
            color=alt.Color("lane:N", scale=lanes, legend=None),
            tooltip=make_tooltip(lane=("", ""), text=("said", ""), **{"from": ("from (s)", ".1f")}),
        ),
        area("overlap", "var(--bad)", 0.7),
        _select_kind("tool", base)
        .mark_point(shape="diamond", filled=True, size=150, opacity=1)
        .encode(
            y=y,
            color=alt.Color("ending:N", scale=endings, legend=None),
            tooltip=make_tooltip(text=("tool", ""), ending=("ended", ""), **{"from": ("at (s)", ".1f")}),
        ),
        # The call goes on after the last word.
        _select_kind("end", make_chart()).mark_rule(opacity=0).encode(x="to:Q"),
    ).resolve_scale(color="independent")


def _select_kind(kind: str, drawn: Drawing) -> Drawing:
    """Restrict a layer to rows of one kind; the page leaves out the layer of a kind without rows."""
    return drawn.properties(name=kind).transform_filter(f"datum.kind === '{kind}'")


def _draw_gaps() -> Drawing:
    scale = alt.Scale(zero=True, nice=False)
    x = alt.X("from:Q", title="seconds", scale=scale, axis=alt.Axis(grid=False))
    axis = alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, tickCount=4)
    answers = make_chart().transform_filter("datum.kind === 'gap'")
    places = {
        "x": x,
        "href": "link:N",
        "tooltip": make_tooltip(
            turn=("turn", ",d"), ms=("gap (ms)", ",.0f"), text=("said", ""), **{"from": ("at (s)", ".1f")}
        ),
    }
    y = alt.Y("ms:Q", title="response gap (ms)", axis=axis)
    return alt.layer(
        answers.mark_rule(color="var(--agent)", strokeWidth=3, opacity=0.55).encode(
            y=y, y2=alt.Y2Datum(0), **places
        ),
        answers.mark_point(color="var(--agent)", filled=True, size=46, opacity=1).encode(y=y, **places),
        make_chart().transform_filter("datum.kind === 'end'").mark_rule(opacity=0).encode(x="to:Q"),
    ).properties(height=150)


def _draw_samples() -> Drawing:
    axis = alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, tickCount=4)
    base = make_chart().encode(
        x=alt.X("sample:Q", title="sample", axis=alt.Axis(grid=False, tickMinStep=1)),
        y=alt.Y("ms:Q", title="e2e latency (ms)", axis=axis),
        tooltip=make_tooltip(sample=("sample", ",d"), ms=("e2e (ms)", ",.0f")),
    )
    return alt.layer(
        base.mark_line(color=LATENCY, opacity=0.5),
        base.mark_point(color=LATENCY, filled=True, size=40, opacity=1),
    ).properties(height=130)


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
