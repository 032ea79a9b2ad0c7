"""Draws the first charts as one image, for places that can show a picture but no page.

These are the charts of the page, in the light colours of its style sheet.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import vl_convert

from pipeline.report import charts
from pipeline.report.drawing import Card
from pipeline.report.page import CONFIG, escape_values, format_date
from pipeline.report.queries import Answers

_SHOWN = ("volume", "latency", "disconnections")
_WIDTH = 760
_VARIABLE = re.compile(r"--([a-z0-9]+): (#[0-9a-f]{6})")
_USE = re.compile(r"var\(--([a-z0-9]+)\)")


def draw_png(answers: Answers) -> bytes | None:
    """Return the image, or None where there are no calls to draw."""
    framed = [_frame_card(card) for card in charts.draw_cards(answers) if card.name in _SHOWN and card.rows]
    if not framed:
        return None
    style = files("pipeline.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    # The first that names a variable is the light one.
    colours = dict(reversed(_VARIABLE.findall(style)))
    whole = {
        "vconcat": framed,
        "spacing": 24,
        "resolve": {"scale": {"color": "independent"}},
        "config": {
            **CONFIG,
            "background": "var(--card)",
            "padding": 16,
            "autosize": {"type": "pad"},
            "title": {"anchor": "start", "fontSize": 14},
            "legend": {"orient": "top", "title": None, "symbolType": "square", "columns": 6},
        },
    }
    text = json.dumps(escape_values(whole), default=format_date)
    image: bytes = vl_convert.vegalite_to_png(_USE.sub(lambda use: colours[use[1]], text))
    return image


def _frame_card(card: Card) -> dict[str, Any]:
    """Return the chart of a card with its data, a title and a legend, which the page would add."""
    framed: dict[str, Any] = json.loads(json.dumps(card.spec))
    framed |= {"title": framed.pop("description"), "width": _WIDTH, "data": {"values": card.rows}}
    for layer in framed.get("layer", []):
        data = layer.pop("data", {})
        if data.get("name") == "before":
            layer["data"] = {"values": card.before}
    colour = framed.get("encoding", {}).get("color")
    if colour:
        del colour["legend"]
    return framed
