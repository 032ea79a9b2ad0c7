"""Rows in, rows out: a folder `<view or check>/<case>/` holds rows of some tables and what must come back.

A missing column is null, or a plain value where the table allows no null; the day of a call is that of its
start or end. The rows of a case are rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline import sql
from pipeline.warehouse import schema
from pipeline.warehouse.tables import metadata

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/*/expected.json"))
VIEWS = sql.list_names("views")
CHECKS = sql.list_names("checks")


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("duckdb:///:memory:")
    with engine.connect() as opened:
        metadata.create_all(opened)
        schema.apply_views(opened)
        opened.commit()
        yield opened
    engine.dispose()


def read_rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def filled(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row as the table wants it: times parsed, and a plain value where null is not allowed."""
    unknown = row.keys() - table.columns.keys()
    assert not unknown, f"{table.name} has no column {unknown}"
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.name in row:
            value = row[column.name]
            is_time = isinstance(column.type, sa.DateTime) and value is not None
            values[column.name] = datetime.fromisoformat(value) if is_time else value
        elif not column.nullable and column.server_default is None:
            values[column.name] = plain(column)
    if table.name == "calls":
        # As a load in UTC does.
        moment = values.get("dated_at") or values.get("started_at") or values.get("ended_at")
        local = values.get("local_at") or moment
        values |= {"dated_at": moment, "local_at": local, "day": local and local.date()}
    return values


def plain(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, sa.DateTime):
        return datetime(2026, 3, 1)
    if isinstance(column.type, sa.Integer):
        return 0
    return "ended" if column.name == "call_status" else ""


def insert(connection: sa.Connection, folder: Path) -> None:
    tables = sorted(path for path in folder.glob("*.json") if path.stem != "expected")
    assert tables, f"{folder.name} has no rows"
    for path in tables:
        table = metadata.tables[path.stem]
        for row in read_rows(path):
            connection.execute(table.insert().values(filled(table, row)))


def ask(connection: sa.Connection, name: str) -> list[dict[str, Any]]:
    if name in VIEWS:
        result = connection.execute(sa.select(sa.text("*")).select_from(sa.table(name)))
    else:
        result = connection.exec_driver_sql(sql.read(f"checks/{name}"))
    return [{column: told(value) for column, value in row.items()} for row in result.mappings()]


def told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def by_all_columns(row: dict[str, Any]) -> list[tuple[bool, Any]]:
    return [(value is None, value) for value in row.values()]


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case_gives_its_expected_rows(connection: sa.Connection, folder: Path) -> None:
    name = folder.parent.name
    expected = read_rows(folder / "expected.json")
    try:
        insert(connection, folder)
        rows = sorted(ask(connection, name), key=by_all_columns)
    finally:
        connection.rollback()
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == {
            column: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, int | float) else value
            for column, value in wanted.items()
        }


@pytest.mark.parametrize("name", VIEWS + CHECKS)
def test_every_view_and_check_has_cases(name: str) -> None:
    assert any(folder.parent.name == name for folder in CASES)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_an_offending_and_a_clean_case(name: str) -> None:
    expected = [read_rows(folder / "expected.json") for folder in CASES if folder.parent.name == name]
    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_what_must_hold_and_how_severe_it_is(name: str) -> None:
    lines = sql.read(f"checks/{name}").splitlines()
    assert lines[0].startswith("-- ")
    assert lines[0].endswith(".")
    assert sum(line in ("-- severity: fail", "-- severity: warn") for line in lines) == 1


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_names_the_call_first(connection: sa.Connection, name: str) -> None:
    try:
        columns = list(connection.exec_driver_sql(sql.read(f"checks/{name}")).keys())
    finally:
        connection.rollback()
    assert columns[0] == "call_id"
    assert len(columns) > 1


def test_every_case_belongs_to_a_view_or_check() -> None:
    assert {folder.parent.name for folder in CASES} == {*VIEWS, *CHECKS}


def test_every_table_view_and_column_has_a_comment(connection: sa.Connection) -> None:
    silent = connection.exec_driver_sql(
        """
        select table_name, null as column_name from duckdb_tables() where comment is null and not internal
        union all
        select view_name, null from duckdb_views() where comment is null and not internal
        union all
        select table_name, column_name from duckdb_columns() where comment is null and not internal
        """
    ).fetchall()
    connection.rollback()
    assert silent == []


def test_every_view_file_makes_the_view_of_its_name(connection: sa.Connection) -> None:
    made = connection.exec_driver_sql("select view_name from duckdb_views() where not internal")
    names = sorted(made.scalars().all())
    connection.rollback()
    assert names == VIEWS
