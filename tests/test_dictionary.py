"""The data dictionary in the repository is what the command makes of the schema, whole and self-contained."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline import sql
from pipeline.dictionary import pages
from pipeline.warehouse import tables

DOCS = Path(__file__).parent.parent / "docs"
VOID = {"meta", "path", "rect"}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages.make_texts()


class Page(HTMLParser):
    """Collects the ids and links of a page, and checks that its elements close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids.add(told.get("id") or "")
        self.links.add(told.get("href") or "")
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", pages.NAMES)
def test_the_committed_dictionary_is_the_one_the_command_makes(made: dict[str, str], name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == made[name], "run `python -m pipeline docs` and commit what it writes"


@pytest.mark.parametrize("name", pages.NAMES)
def test_every_table_view_and_column_is_defined(made: dict[str, str], name: str) -> None:
    for table in tables.metadata.tables.values():
        for column in table.columns:
            assert column.name in made[name]
    for view in sql.list_names("views"):
        assert view in made[name]
    assert "None" not in made[name]


def test_the_page_needs_nothing_from_elsewhere(made: dict[str, str]) -> None:
    page = made["data_dictionary.html"]
    assert re.findall(r"(?:src|href)=\"(?!#)|https?://|@import|url\(|<script|<link", page) == []


def test_every_link_of_the_page_leads_somewhere_and_every_element_closes(made: dict[str, str]) -> None:
    page = Page(made["data_dictionary.html"])
    assert page.open == []
    assert {link.removeprefix("#") for link in page.links if link} <= page.ids


def test_the_diagram_joins_every_table(made: dict[str, str]) -> None:
    [drawn] = re.findall(r"^```mermaid\n(.+?)^```$", made["data_dictionary.md"], re.MULTILINE | re.DOTALL)
    kind, *lines = drawn.splitlines()
    assert kind == "erDiagram"
    # How Mermaid writes a relationship: what is joined, how many of each, and a label.
    relationship = re.compile(r'    (\w+) (?:\|\||\|o)--(?:o\||o\{) (\w+) : "(\w+(?:, \w+)*)"')
    joins = [relationship.fullmatch(line) for line in lines]
    joined = {name for join in joins if join for name in join.group(1, 2)}
    assert None not in joins
    alone = {name for name in tables.metadata.tables if name.startswith("stored_")}
    alone |= {"etl_checks", "etl_settings"}
    assert set(tables.metadata.tables) - joined == alone
    for join in joins:
        assert join is not None
        parent, child, columns = join.groups()
        for name in (parent, child):
            assert set(columns.split(", ")) <= set(tables.metadata.tables[name].columns.keys())


@pytest.mark.parametrize(
    ("join", "why"),
    [
        ('utterances ||--o{ words : "call_id, utterance_index"', "a word has a turn, a turn has any words"),
        ('calls ||--o| conversations : "call_id"', "a call has one row there at most"),
        ('utterances |o--o{ tool_calls : "call_id, utterance_index"', "a tool may come before any word"),
        ('calls |o--o| etl_outcomes : "call_id"', "an id that was asked for need not be a call"),
        ('etl_runs |o--o{ etl_rejects : "run_id"', "a reject belongs to its run as well as to its call"),
    ],
)
def test_the_diagram_says_how_many_rows_join(made: dict[str, str], join: str, why: str) -> None:
    assert f"    {join}\n" in made["data_dictionary.md"], why


def test_both_diagrams_show_the_same_joins(made: dict[str, str]) -> None:
    drawn = re.findall(r"<title>(\w+) 1 – ([1n]) (\w+) by ([^<]+)</title>", made["data_dictionary.html"])
    written = re.findall(r'    (\w+) \|.--o(.) (\w+) : "([^"]+)"', made["data_dictionary.md"])
    many = {"{": "n", "|": "1"}
    assert len(drawn) > 10
    assert drawn == [(parent, many[mark], child, by) for parent, mark, child, by in written]
