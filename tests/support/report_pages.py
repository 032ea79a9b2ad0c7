"""Helpers for tests of the report: calls in a warehouse, and a page taken apart."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from pipeline.config import load_settings
from pipeline.publish import readers_copy
from pipeline.report import page, queries
from pipeline.simulator.book import CallBook
from support.simulated import UNTIL, Call, loaded

_VOID = {"meta", "br", "img", "link", "input"}


def mixed_calls(count: int) -> list[Call]:
    """Return calls of every shape and of all agents, over three weeks."""
    book = CallBook(seed=5, count=count, until=UNTIL, days=21, shape="mixed", not_connected=True)
    return [book.payload(index) for index in range(count)]


def published(folder: Path, calls: list[Call]) -> Path:
    """Load the calls, publish them to readers, and return the data folder."""
    place = loaded(folder, calls)
    readers_copy.publish(place.warehouse, folder / "analytics.duckdb")
    return folder


def html_of(data_dir: Path, since: date | None = None, agent: str | None = None, runtime: str = "") -> str:
    """Return the report of a data folder; without its runtime it cannot draw, and is made in a moment."""
    answers = queries.ask(load_settings(data_dir=data_dir), lambda line: None, since, agent)
    return page.render_html(answers, datetime.now(UTC).replace(tzinfo=None), runtime)


class Page(HTMLParser):
    """A report taken apart: its elements, links, text, tables and data; every element must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.classes: Counter[str] = Counter()
        self.text = ""
        self.data: dict[str, Any] = {}
        # By card: the texts of the cells, row by row.
        self.tables: dict[str, list[list[str]]] = {}
        self._card = ""
        self._open: list[str] = []
        self._in_data = False
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.elements[tag] += 1
        self.attributes |= told.keys()
        self.classes.update((told.get("class") or "").split())
        self.ids.add(told.get("id") or "")
        self.links |= {told[name] or "" for name in ("href", "src") if name in told}
        if tag == "section":
            self._card = told.get("id") or ""
        if tag == "tr":
            self.tables.setdefault(self._card, []).append([])
        if tag in ("td", "th"):
            self.tables[self._card][-1].append("")
        if tag not in _VOID:
            self._open.append(tag)
        self._in_data = told.get("id") == "report-data"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data = json.loads(data)
        elif self._open and self._open[-1] not in ("script", "style"):
            self.text += data
            if {"td", "th"} & set(self._open):
                self.tables[self._card][-1][-1] += data

    @property
    def sentences(self) -> str:
        """The text with one blank where a browser shows one."""
        return " ".join(self.text.split())

    def before(self, chart: str) -> list[dict[str, Any]]:
        """Return what a chart shows of the period before."""
        found: list[dict[str, Any]] = self.data["charts"][chart]["before"]
        return found

    def rows(self, chart: str) -> list[dict[str, Any]]:
        """Return what a chart shows."""
        found: list[dict[str, Any]] = self.data["charts"][chart]["rows"]
        return found
