"""Draws what became of the calls: how many there were, how they ended, how good they were, what they cost.

Nothing is computed here: each number in a chart is a number of a row of `sql/report/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from pipeline.report.drawing import (
    BEFORE,
    Card,
    draw_bars_by_day,
    draw_bars_by_label,
    draw_lines,
    label_rows,
    make_rate_axis,
    make_spec,
    make_tooltip,
    select_series,
)
from pipeline.report.labels import CATEGORIES, RESULTS, SENTIMENTS, VERDICTS, LegendEntry
from pipeline.report.queries import Answers

_MOST_REASONS = 12


def _make_calls_axis(share: bool) -> alt.Y:
    if share:
        axis = alt.Axis(labelExpr="datum.value * 100")
        return alt.Y("calls:Q", title="share of calls (%)", stack="normalize", axis=axis)
    return alt.Y("calls:Q", title="calls", axis=alt.Axis(tickMinStep=1, format=",d"))


def _draw_calls_by_day(
    answers: Answers,
    name: str,
    column: str,
    known: Iterable[LegendEntry],
    texts: tuple[str, str, str],
    *,
    share: bool = False,
    **more: Any,
) -> Card:
    """Return the chart of calls by day and by what stands in a column.

    `texts` are its title, its note, and what it shows for those who cannot see it; `share` stacks each day to
    all of it.
    """
    rows = answers.charts[name]
    names = select_series(known, rows, column)
    counts = make_tooltip(calls=("calls", ","), share=("of the day", ".1%"))
    title, note, description = texts
    drawn = draw_bars_by_day(rows, answers.state.time_zone, names, _make_calls_axis(share), *counts)
    return Card(
        name, title, note, label_rows(rows, names, column), make_spec(drawn, description), names, **more
    )


def draw_volume(answers: Answers) -> Card:
    """Return the chart of how many calls there were, by day."""
    note = "By day, and how far they came. A call without a start is on the day of its end."
    texts = ("Calls", note, "Calls by day and how far they came")
    return _draw_calls_by_day(answers, "volume", "result", RESULTS, texts, is_wide=True)


def draw_disconnections(answers: Answers) -> Card:
    """Return the chart of how calls ended, by day."""
    note = "Calls that are over, by category of the reason."
    texts = ("How calls ended", note, "How calls ended, by day and category")
    return _draw_calls_by_day(
        answers, "disconnections", "category", CATEGORIES, texts, empty="No call is over."
    )


def draw_reasons(answers: Answers) -> Card:
    """Return the chart of the commonest reasons."""
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


def draw_sentiment(answers: Answers) -> Card:
    """Return the chart of how users felt, by day."""
    texts = ("User sentiment", "What the analysis says of users of connected calls.", "User sentiment by day")
    empty = "No connected call has an analysis."
    return _draw_calls_by_day(answers, "sentiment", "sentiment", SENTIMENTS, texts, share=True, empty=empty)


def draw_success(answers: Answers) -> Card:
    """Return the chart of how many calls reached their goal, by day."""
    names = select_series(VERDICTS, answers.charts["success"], "verdict")
    rows = label_rows(answers.charts["success"], names, "verdict")
    counts = make_tooltip(
        rate=("share", ".1%"), good_calls=("calls", ","), judged_calls=("of judged calls", ",")
    )
    # One verdict is enough to compare with: more pale lines could not be told apart.
    earlier = [row for row in answers.before.get("success", []) if names and row["verdict"] == names[0].key]
    before = label_rows(earlier, names, "verdict")
    drawn = draw_lines(
        rows,
        answers.state.time_zone,
        names,
        make_rate_axis("calls"),
        "judged_calls",
        *counts,
        before=before,
    )
    note = "Connected calls that reached their goal, of those judged. Larger points are more calls."
    return Card(
        "success",
        "Success",
        note,
        rows,
        make_spec(drawn, "Success by day"),
        [*names, BEFORE._replace(label=f"{names[0].label}, period before")] if before else names,
        empty="No connected call was judged.",
        before=before,
    )


def draw_costs(answers: Answers) -> Card:
    """Return the chart of what calls cost, by day."""
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
        draw_bars_by_day(
            rows, answers.state.time_zone, names, y, *make_tooltip(cost_dollars=("cost ($)", ",.2f"))
        ),
        "Cost by day",
    )
    note = "By day and product, of calls that bring a cost."
    return Card(
        "costs",
        "Cost",
        note,
        label_rows(rows, names, "line"),
        drawn,
        names,
        is_wide=True,
        empty="No call brings its cost.",
    )
