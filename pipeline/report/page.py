"""Renders the report as one HTML file: the charts, the worst calls, and the scripts that draw them.

The page loads nothing from the network and runs no script but its own two: its security policy names them by
their hashes, so text from a payload can never run as a script, wherever in the page it is. Its hidden
characters are escapes (`log.hidden`), in the text of the page and in the rows of the charts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipeline.log.hidden import escape_hidden
from pipeline.report import call_charts, call_page, charts, figures
from pipeline.report.call_page import CallPage
from pipeline.report.drawing import Card
from pipeline.report.labels import LegendEntry
from pipeline.report.queries import Answers, Row

# Characters that could end a script element or a line of JavaScript are written as JSON escapes.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_INK, _SOFT, _LINE, _FONT = "var(--ink)", "var(--soft)", "var(--line)", "system-ui, sans-serif"
_AXIS = {
    "domainColor": _LINE,
    "gridColor": _LINE,
    "gridOpacity": 0.7,
    "labelColor": _SOFT,
    "labelFont": _FONT,
    "labelFontSize": 11,
    "labelOverlap": True,
    "ticks": False,
    "labelPadding": 6,
    "titleColor": _SOFT,
    "titleFont": _FONT,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "titlePadding": 8,
}
CONFIG = {
    "background": None,
    "autosize": {"type": "fit-x", "contains": "padding"},
    "padding": {"left": 0, "right": 4, "top": 6, "bottom": 0},
    "view": {"stroke": None},
    "axis": _AXIS,
    "axisY": {"domain": False, "tickCount": 5},
    "line": {"strokeWidth": 2, "strokeJoin": "round"},
    "rule": {"color": _INK},
}


def render_html(answers: Answers, made_at: datetime, runtime: str) -> str:
    """Return the text of the page; `runtime` is the script that offers `vegaEmbed`."""
    cards, calls = charts.draw_cards(answers), call_page.make_pages(answers)
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=escape_values,
    )
    environment.filters |= {"clock": call_page.format_clock, "moment": _format_moment}
    script = environment.get_template("page.js").render()
    return environment.get_template("page.html.j2").render(
        policy=_make_policy(runtime, script),
        style=Markup(environment.get_template("style.css").render()),  # noqa: S704  our own file
        runtime=Markup(runtime),  # noqa: S704  the bundle of the chart library
        script=Markup(script),  # noqa: S704  our own file
        data=Markup(_escape_for_script(_make_data(cards, calls))),  # noqa: S704  escaped for where it stands
        period=answers.period,
        headline=answers.headline,
        agent=answers.agents.get(answers.filters.agent_id or "", None),
        filters=answers.filters,
        state=answers.state,
        made_at=made_at,
        tiles=figures.list_key_figures(answers),
        cards=cards,
        calls=calls,
        call_legend=_list_call_legends(calls),
    )


def _format_moment(moment: datetime | None) -> str:
    return "date unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _list_call_legends(calls: list[CallPage]) -> dict[str, list[LegendEntry]]:
    """Return for each call the entries of the legend that its timeline needs."""
    found = {}
    for page in calls:
        shown = {row.get("lane") for row in page.charts["timeline"]}
        shown |= {row["kind"] for row in page.charts["timeline"]}
        shown |= {
            row["ending"].replace("no verdict", "unknown")
            for row in page.charts["timeline"]
            if "ending" in row
        }
        found[page.call_id] = [name for name in call_charts.LEGEND if name.key in shown]
    return found


def _make_data(cards: list[Card], calls: list[CallPage]) -> dict[str, Any]:
    return {
        "config": CONFIG,
        "charts": {
            card.name: {"spec": card.spec, "rows": card.rows, "before": card.before}
            for card in cards
            if card.rows and card.spec
        },
        "callSpecs": call_charts.make_specs() if calls else {},
        "calls": {page.call_id: page.charts for page in calls},
    }


def _escape_for_script(document: Row) -> str:
    text = json.dumps(
        escape_values(document),
        default=format_date,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    )
    return text.translate(_ESCAPES)


def escape_values(value: Any) -> Any:
    """Return a value, or a document of values, with the hidden characters of its texts as escapes."""
    # Markup is a str too: that is our own.
    if type(value) is str:
        return escape_hidden(value.replace("\r\n", "\n"), keeps_lines=True)
    if isinstance(value, dict):
        return {name: escape_values(each) for name, each in value.items()}
    return [escape_values(each) for each in value] if isinstance(value, list) else value


def format_date(value: object) -> str:
    """Return a day or a time as text that the charts can read."""
    # A datetime is a date too.
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the page")


def _make_policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
