"""The charts of a call's page: who spoke when, how long each answer took, and the samples the API sent.

One drawing of each serves all calls; the page puts a call's rows into it. Seconds are seconds of call audio.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from pipeline.report.drawing import LATENCY, Drawing, chart, spec, told
from pipeline.report.labels import ROLES, Named
from pipeline.report.queries import Row

_LANES = ["agent", "user", "transfer", "tools"]
_LANE = 34
_SIDE = 64
_MOST_TEXT = 160
LEGEND = (
    Named("agent", "agent", "var(--agent)"),
    Named("user", "user", "var(--user)"),
    Named("overlap", "both at once", "var(--bad)"),
    Named("silence", "silence over 2 s", "var(--warn)", "band"),
    Named("succeeded", "tool succeeded", "var(--good)", "diamond"),
    Named("failed", "tool failed", "var(--bad)", "diamond"),
    Named("unknown", "tool, no verdict", "var(--quiet)", "diamond"),
)


def specs() -> dict[str, dict[str, Any]]:
    """Return the drawings by name."""
    return {
        "timeline": spec(_timeline(), "Who spoke when, with overlaps, silences and tools"),
        "gaps": spec(_gaps(), "How long the agent took to answer, turn by turn"),
        "samples": spec(_samples(), "End-to-end latency samples of the call"),
    }


def rows(call: Row) -> dict[str, list[Row]]:
    """Return what the drawings show of a call."""
    texts = {turn["utterance_index"]: _short(turn["content"] or "") for turn in call["turns"]}
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


def height(shown: list[Row]) -> int:
    """Return how high the timeline of a call is: each lane that it has takes its room."""
    return _LANE * len({row["lane"] for row in shown if "lane" in row})


def _timeline() -> Drawing:
    x = alt.X("from:Q", title="seconds", scale=alt.Scale(zero=True, nice=False), axis=alt.Axis(grid=False))
    y = alt.Y(
        "lane:N", sort=_LANES, title="who", axis=alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, domain=False)
    )
    base = chart().encode(x=x)
    span = told(length=("seconds", ".2f"), **{"from": ("from (s)", ".1f"), "to": ("to (s)", ".1f")})

    def area(kind: str, fill: str, opacity: float) -> Drawing:
        return (
            _only(kind, base)
            .mark_rect(color=fill, stroke=fill, opacity=opacity)
            .encode(x2="to:Q", tooltip=[*told(kind=("", "")), *span])
        )

    lanes = alt.Scale(domain=_LANES[:3], range=["var(--agent)", "var(--user)", "var(--violet)"])
    endings = alt.Scale(
        domain=["succeeded", "failed", "no verdict"], range=["var(--good)", "var(--bad)", "var(--quiet)"]
    )
    return alt.layer(
        area("silence", "var(--warn)", 0.28),
        _only("speech", base)
        .mark_bar(height=22, cornerRadius=3)
        .encode(
            x2="to:Q",
            y=y,
            href="link:N",
            color=alt.Color("lane:N", scale=lanes, legend=None),
            tooltip=told(lane=("", ""), text=("said", ""), **{"from": ("from (s)", ".1f")}),
        ),
        area("overlap", "var(--bad)", 0.7),
        _only("tool", base)
        .mark_point(shape="diamond", filled=True, size=150, opacity=1)
        .encode(
            y=y,
            color=alt.Color("ending:N", scale=endings, legend=None),
            tooltip=told(text=("tool", ""), ending=("ended", ""), **{"from": ("at (s)", ".1f")}),
        ),
        # The call goes on after the last word.
        _only("end", chart()).mark_rule(opacity=0).encode(x="to:Q"),
    ).resolve_scale(color="independent")


def _only(kind: str, drawn: Drawing) -> Drawing:
    """Draw the rows of a kind; the page leaves a layer out that is named after a kind without rows."""
    return drawn.properties(name=kind).transform_filter(f"datum.kind === '{kind}'")


def _gaps() -> Drawing:
    scale = alt.Scale(zero=True, nice=False)
    x = alt.X("from:Q", title="seconds", scale=scale, axis=alt.Axis(grid=False))
    axis = alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, tickCount=4)
    answers = chart().transform_filter("datum.kind === 'gap'")
    places = {
        "x": x,
        "href": "link:N",
        "tooltip": told(
            turn=("turn", ",d"), ms=("gap (ms)", ",.0f"), text=("said", ""), **{"from": ("at (s)", ".1f")}
        ),
    }
    y = alt.Y("ms:Q", title="response gap (ms)", axis=axis)
    return alt.layer(
        answers.mark_rule(color="var(--agent)", strokeWidth=3, opacity=0.55).encode(
            y=y, y2=alt.Y2Datum(0), **places
        ),
        answers.mark_point(color="var(--agent)", filled=True, size=46, opacity=1).encode(y=y, **places),
        chart().transform_filter("datum.kind === 'end'").mark_rule(opacity=0).encode(x="to:Q"),
    ).properties(height=150)


def _samples() -> Drawing:
    axis = alt.Axis(minExtent=_SIDE, maxExtent=_SIDE, tickCount=4)
    base = chart().encode(
        x=alt.X("sample:Q", title="sample", axis=alt.Axis(grid=False, tickMinStep=1)),
        y=alt.Y("ms:Q", title="e2e latency (ms)", axis=axis),
        tooltip=told(sample=("sample", ",d"), ms=("e2e (ms)", ",.0f")),
    )
    return alt.layer(
        base.mark_line(color=LATENCY, opacity=0.5),
        base.mark_point(color=LATENCY, filled=True, size=40, opacity=1),
    ).properties(height=130)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
