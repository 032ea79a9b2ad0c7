"""Draws the kinds of charts that the report has, in Altair, without their data.

Colours are CSS variables of the page, so that one chart serves light, dark and paper. Legends are part of the
page too, because there they wrap on a phone. A tooltip shows what its chart shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt

from pipeline.report.labels import LegendEntry
from pipeline.report.queries import Row
from pipeline.report.tables import Table

# A chart of any form; what Altair's methods return is untyped.
Drawing: TypeAlias = Any
HEIGHT = 240
LATENCY = "var(--latency)"
BEFORE = LegendEntry("before", "period before", "var(--faint)", "line")
_SERIES = tuple(f"var(--s{number})" for number in range(10))
# Beyond so many days marks would run into each other.
_MANY_DAYS = 45
_LABELS = alt.Axis(labelLimit=150, domain=False)


@dataclass(frozen=True)
class Card:
    """A chart, tables, or both, with a title, a sentence on how to read them, a legend and the rows."""

    name: str
    title: str
    note: str
    rows: list[Row]
    spec: dict[str, Any] | None
    legend: Sequence[LegendEntry] = ()
    is_wide: bool = False
    empty: str = "There are no calls to draw."
    before: Sequence[Row] = ()
    tables: Sequence[Table] = ()


def make_spec(chart: Drawing, description: str) -> dict[str, Any]:
    """Return a chart as Vega-Lite, as wide as its place on the page, which adds data and config."""
    # Altair has checked each part when it was made; checking them again doubles the time.
    drawn: dict[str, Any] = chart.properties(width="container", description=description).to_dict(
        validate=False
    )
    drawn.pop("config", None)
    return drawn


def make_chart() -> Drawing:
    """Return an empty chart that takes its rows from the page."""
    return alt.Chart(alt.NamedData("rows"))


def make_day_axis(rows: list[Row]) -> alt.X:
    """Return an axis of days with as many labels as fit."""
    span = _count_days(rows)
    every: Any = {"interval": "day", "step": 1}
    if span > 120:
        every = {"interval": "month", "step": 1 + span // 365}
    elif span > 10:
        every = {"interval": "week", "step": 1}
    axis = alt.Axis(format="%b %-d" if span <= 120 else "%b %Y", tickCount=every, grid=False)
    return alt.X("utcyearmonthdate(day):T", title=None, axis=axis)


def _count_days(rows: list[Row]) -> int:
    found = [row["day"] for row in rows]
    return (max(found) - min(found)).days + 1 if found else 1


def make_tooltip(**shown: tuple[str, str]) -> list[alt.Tooltip]:
    """Return the lines of a tooltip, given the title and the format of each field."""
    return [
        alt.Tooltip(f"{field}:{'Q' if form else 'N'}", title=title or " ", format=form or alt.Undefined)
        for field, (title, form) in shown.items()
    ]


def make_day_tooltip(zone: str, field: str = "day", title: str = "day") -> alt.Tooltip:
    """Return the line of a tooltip that names the day, which is one of a time zone."""
    return alt.Tooltip(f"utcyearmonthdate({field}):T", title=f"{title} ({zone})", format="%a, %Y-%m-%d")


def make_latency_tooltip(samples: str, *more: str) -> list[alt.Tooltip]:
    """Return the lines of a tooltip on pooled percentiles."""
    shown = {f"{name}_ms": (f"{name} (ms)", ",.0f") for name in ("p50", "p95", "p99")}
    shown |= {"samples": (samples, ","), **dict.fromkeys(more, ("calls", ","))}
    return make_tooltip(**shown, method=("pooled from", ""))


def select_series(names: Iterable[LegendEntry], rows: list[Row], field: str) -> list[LegendEntry]:
    """Return the names that occur in the rows, in their order, and then values that have no name yet."""
    names = list(names)
    there = {row[field] for row in rows}
    newer = sorted(str(key) for key in there - {name.key for name in names})
    return [name for name in names if name.key in there] + [
        LegendEntry(key, key, _SERIES[place % len(_SERIES)]) for place, key in enumerate(newer)
    ]


def label_rows(rows: list[Row], names: Iterable[LegendEntry], field: str) -> list[Row]:
    """Return the rows with the label of their series and its position among the series."""
    places = {name.key: {"series": name.label, "place": place} for place, name in enumerate(names)}
    return [row | places[row[field] if row[field] in places else str(row[field])] for row in rows]


def make_colours(names: Iterable[LegendEntry]) -> alt.Color:
    """Return the colours of the series, without a legend: the page has one."""
    names = list(names)
    scale = alt.Scale(domain=[name.label for name in names], range=[name.colour for name in names])
    return alt.Color("series:N", scale=scale, legend=None)


def draw_bars_by_day(
    rows: list[Row], zone: str, names: list[LegendEntry], y: alt.Y, *more: alt.Tooltip
) -> Drawing:
    """Draw a bar for each day, with a colour for each series."""
    return (
        make_chart()
        .mark_bar(binSpacing=1 if _count_days(rows) <= _MANY_DAYS else 0)
        .encode(
            x=make_day_axis(rows),
            y=y,
            color=make_colours(names),
            order=alt.Order("place:Q"),
            tooltip=[make_day_tooltip(zone), *make_tooltip(series=("", "")), *more],
        )
        .properties(height=HEIGHT)
    )


def draw_bars_by_label(
    rows: list[Row], measure: str, names: list[LegendEntry], *more: alt.Tooltip
) -> Drawing:
    """Draw a horizontal bar for each label, with a colour for each series."""
    return (
        make_chart()
        .mark_bar(height=14)
        .encode(
            x=alt.X(f"{measure}:Q", title=measure, axis=alt.Axis(tickMinStep=1, format=",d")),
            y=alt.Y("label:N", sort=None, title=None, axis=_LABELS),
            color=make_colours(names),
            order=alt.Order("place:Q"),
            tooltip=[*make_tooltip(label=("", ""), series=("", "")), *more],
        )
        .properties(height=_compute_height(rows, 22))
    )


def draw_lines(
    rows: list[Row],
    zone: str,
    names: list[LegendEntry],
    y: alt.Y,
    weight: str,
    *more: alt.Tooltip,
    before: Sequence[Row] = (),
) -> Drawing:
    """Draw a line over the days for each series; the field `weight` sets the size of its points."""
    tooltip = [make_day_tooltip(zone), *make_tooltip(series=("", "")), *more]
    base = make_chart().encode(x=make_day_axis(rows), y=y, color=make_colours(names), tooltip=tooltip)
    largest = 90 if _count_days(rows) <= _MANY_DAYS else 18
    size = alt.Size(f"{weight}:Q", scale=alt.Scale(domainMin=0, range=[6, largest]), legend=None)
    return alt.layer(
        *draw_before(rows, zone, before, y, *make_tooltip(series=("", "")), *more),
        base.mark_line(opacity=0.65),
        base.mark_point(filled=True, opacity=1).encode(size=size),
    ).properties(height=HEIGHT)


def draw_before(
    rows: list[Row], zone: str, before: Sequence[Row], y: alt.Y, *more: alt.Tooltip
) -> list[Drawing]:
    """Return the layers of the period before: a pale line, and its points; none without rows.

    They read the dataset `before`, which the page adds as it adds the rows.
    """
    if not before:
        return []
    base = alt.Chart(alt.NamedData("before")).encode(
        x=make_day_axis(rows),
        y=y,
        tooltip=[make_day_tooltip(zone, "before_day", "period before"), *more],
    )
    return [
        base.mark_line(color=BEFORE.colour, strokeWidth=2),
        base.mark_point(color=BEFORE.colour, filled=True, size=16, opacity=1),
    ]


def _compute_height(rows: list[Row], step: int) -> int:
    return step * max(1, len({row["label"] for row in rows}))


def draw_ranges(
    rows: list[Row], end: str, tooltip: list[alt.Tooltip], step: int = 30, **more: Any
) -> Drawing:
    """Draw for each label a tick at p50, a bar from there to p95, and a whisker to `end`."""
    base = make_chart().encode(
        y=alt.Y("label:N", sort=None, title=None, axis=_LABELS), tooltip=tooltip, **more
    )
    axis = alt.Axis(tickCount=6)
    x = alt.X("p50_ms:Q", title="latency (ms)", scale=alt.Scale(zero=True), axis=axis)
    return alt.layer(
        base.mark_rule(color=LATENCY, strokeWidth=2, opacity=0.5).encode(x=x, x2=f"{end}_ms:Q"),
        base.mark_bar(color=LATENCY, opacity=0.45, height=10).encode(x="p50_ms:Q", x2="p95_ms:Q"),
        base.mark_tick(color=LATENCY, thickness=3, height=16).encode(x="p50_ms:Q"),
    ).properties(height=_compute_height(rows, step))


def make_range_legend(end: str) -> list[LegendEntry]:
    """Return the legend of `draw_ranges`."""
    return [
        LegendEntry("p50", "p50", LATENCY, "tick"),
        LegendEntry("p95", "to p95", LATENCY, "band"),
        LegendEntry(end, f"to {end}", LATENCY, "line"),
    ]


def make_rate_axis(title: str) -> alt.Y:
    """Return an axis of rates from 0 to 100 %."""
    axis = alt.Axis(labelExpr="datum.value * 100", tickCount=5)
    return alt.Y("rate:Q", title=f"{title} (%)", scale=alt.Scale(domain=[0, 1]), axis=axis)


def make_long_rows(rows: list[Row], measures: Mapping[str, LegendEntry], into: str) -> list[Row]:
    """Return a row for each measure of each row, except where the measure is null."""
    return [
        {"day": row["day"], "timed_calls": row["timed_calls"], "series": name.label, into: row[measure]}
        for row in rows
        for measure, name in measures.items()
        if row[measure] is not None
    ]
