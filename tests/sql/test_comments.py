"""A column that means the same in several views has its comment written once."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from pipeline import sql
from pipeline.warehouse import schema, stored_results
from pipeline.warehouse.database import Warehouse
from pipeline.warehouse.tables import metadata

_OWN = re.compile(r"^comment on column (\w+)\.(\w+) is", re.MULTILINE)
_DEFINED = re.compile(r"^ {8}\(\s*'(\w+)',\s+(?:null|'(\w+)'),", re.MULTILINE)
_COLUMNS = """
select table_name, column_name, data_type, comment from duckdb_columns() where not internal
order by table_name, column_index
"""
OWN = {found for name in sql.list_names("views") for found in _OWN.findall(sql.read(f"views/{name}"))}

Comments = dict[tuple[str, str], str | None]
Columns = dict[str, list[tuple[str, str, str | None]]]


def read_columns() -> tuple[Columns, Comments]:
    """Return all columns as they are, and the comments that those of views would have without their own."""
    with Warehouse.in_memory().exclusive() as connection, connection.begin():
        metadata.create_all(connection)
        schema.apply_views(connection)
        columns: Columns = {}
        for place, *described in connection.exec_driver_sql(_COLUMNS):
            columns.setdefault(place, []).append(tuple(described))
        for view in sql.list_names("views"):
            for name, _, _ in columns[view]:
                connection.exec_driver_sql(f'comment on column {view}."{name}" is null')
        rows = connection.exec_driver_sql(sql.read("comments/view_columns")).all()
    counted = Counter((view, name) for view, name, _ in rows)
    assert [place for place, times in counted.items() if times > 1] == []
    return columns, {(view, name): text for view, name, text in rows}


COLUMNS, SHARED = read_columns()
COMMENTS = {(place, name): text for place, columns in COLUMNS.items() for name, _, text in columns}


def test_a_view_says_itself_only_what_it_alone_means() -> None:
    repeated = {place for place in OWN if SHARED.get(place) == COMMENTS[place]}
    assert repeated == set(), "take these comments out of the files of the views: they are written elsewhere"


def test_what_a_view_says_itself_stands() -> None:
    assert {place for place in SHARED if COMMENTS[place] != SHARED[place]} <= OWN
    assert COMMENTS["turn_details", "role"] == "agent or user"
    assert COMMENTS["top_words", "role"] == SHARED["turn_details", "role"]


def test_a_comment_that_is_written_twice_is_written_elsewhere_instead() -> None:
    written = Counter((name, COMMENTS[view, name]) for view, name in OWN)
    assert [twice for twice, times in written.items() if times > 1] == []


@pytest.mark.parametrize(("name", "beside"), _DEFINED.findall(sql.read("comments/view_columns")))
def test_every_definition_is_that_of_two_views_at_least(name: str, beside: str) -> None:
    taken = [view for view, column in SHARED.keys() - OWN if column == name]
    if beside:
        taken = [view for view in taken if (view, beside) in COMMENTS]
    assert len(taken) > 1


@pytest.mark.parametrize("table", stored_results.list_result_tables())
def test_a_stored_result_has_the_columns_of_its_view_and_their_comments(table: str) -> None:
    assert COLUMNS[table] == COLUMNS[table.removeprefix("stored_")]
