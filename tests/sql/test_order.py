"""Whatever is ordered says in which direction and where nulls stand: sessions have their own defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SQL = Path(__file__).parents[2] / "sql"
FOLDERS = ("views", "macros", "report", "queries", "checks", "stored", "comments")
FILES = sorted(path for folder in FOLDERS for path in (SQL / folder).rglob("*.sql"))
_IGNORED = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_ORDER = re.compile(r"\border\s+by\b")
_END = re.compile(r"\b(?:rows|range|groups|limit|offset|qualify|union)\b|[;)\]}]")
_SAID = re.compile(r"\b(?:asc|desc)\s+nulls\s+(?:first|last)$")


def read_ordered(text: str) -> Iterator[str]:
    """Yield each expression that something is ordered by."""
    text = _IGNORED.sub(lambda found: "x" * len(found[0]), text)
    for order in _ORDER.finditer(text):
        depth, since, place = 0, order.end(), order.end()
        while place < len(text):
            if depth == 0 and _END.match(text, place):
                break
            depth += (text[place] in "([{") - (text[place] in ")]}")
            if depth == 0 and text[place] == ",":
                yield text[since:place].strip()
                since = place + 1
            place += 1
        yield text[since:place].strip()


def test_ordered_expressions_are_found() -> None:
    text = (
        "select f(a order by b, c desc) over (order by (d, e) rows x) -- order by f\norder by g nulls last;"
    )
    assert list(read_ordered(text)) == ["b", "c desc", "(d, e)", "g nulls last"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SQL)))
def test_order_names_its_direction_and_the_place_of_nulls(path: Path) -> None:
    ordered = list(read_ordered(path.read_text(encoding="utf-8")))
    assert [each for each in ordered if not _SAID.search(each)] == []
