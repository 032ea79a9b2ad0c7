"""A warehouse of every schema ever released upgrades with its rows intact, and goes down again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from sqlalchemy import Connection

from make_warehouse import FIXTURES, revisions
from pipeline import sql
from pipeline.warehouse import checks, migration, schema
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Place, load_manifests, tables_of

REVISIONS = revisions()
STEPS = list(pairwise(REVISIONS))
# Tables that come with the views of the newest revision: what the others say, and what the package knows.
WITH_VIEWS = frozenset((*sql.list_names("stored/tables"), *sql.list_names("reference")))
_COLUMNS = """
select table_name, column_name
from duckdb_columns()
where schema_name = 'main' and table_name in (select table_name from duckdb_tables())
and table_name != 'alembic_version'
order by table_name, column_index
"""

Rows = dict[str, tuple[list[str], list[tuple[Any, ...]]]]
Open = Callable[[str], Place]


@pytest.fixture
def older(tmp_path: Path) -> Open:
    """Unpack the warehouse of a revision, beside what was landed for it."""

    def unpacked(revision: str) -> Place:
        place = Place(tmp_path)
        shutil.copytree(FIXTURES / "landing", tmp_path / "landing")
        packed = (FIXTURES / f"{revision}.duckdb.zst").read_bytes()
        (tmp_path / "warehouse.duckdb").write_bytes(zstandard.ZstdDecompressor().decompress(packed))
        return place

    return unpacked


def rows_of(connection: Connection, like: Rows | None = None) -> Rows:
    """Return every table's columns and rows; with `like`, those tables and columns alone."""
    columns: dict[str, list[str]] = {}
    if like is None:
        for table, column in connection.exec_driver_sql(_COLUMNS):
            columns.setdefault(table, []).append(column)
    else:
        columns = {table: named for table, (named, _) in like.items()}
    return {
        table: (
            named,
            [
                tuple(map(str, row))
                for row in connection.exec_driver_sql(
                    f"select {', '.join(f'{table}.{name}' for name in named)} from {table} order by all"
                )
            ],
        )
        for table, named in columns.items()
    }


def read(warehouse: Warehouse, like: Rows | None = None) -> Rows:
    with warehouse.reading() as connection:
        return rows_of(connection, like)


def without_views(found: Rows) -> Rows:
    """Return the rows of tables that no views bring."""
    return {table: rows for table, rows in found.items() if table not in WITH_VIEWS}


def test_every_revision_has_its_fixture_and_every_fixture_its_revision() -> None:
    packed = {path.name.removesuffix(".duckdb.zst") for path in FIXTURES.glob("*.duckdb.zst")}
    assert packed == set(REVISIONS), "run `python tests/make_warehouse.py REVISION`"
    assert all(path.stat().st_size < 100_000 for path in FIXTURES.iterdir() if path.is_file())


@pytest.mark.parametrize(
    "revision", [REVISIONS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in REVISIONS[1:])]
)
def test_an_older_warehouse_upgrades_with_its_rows_intact(revision: str, older: Open) -> None:
    place = older(revision)
    before = without_views(read(place.warehouse))
    with place.warehouse.reading() as connection:
        assert schema.read_revision(connection) == revision
    filled = {table for table, (_, rows) in before.items() if rows}
    assert filled >= {"calls", "utterances", "words", "latency_stats", "latency_values", "call_analysis"}
    assert filled >= {"tool_calls", "transcript_events", "call_costs"}
    assert filled >= {"etl_runs", "etl_chunks", "etl_outcomes", "etl_rejects"}
    assert len(before["calls"][1]) == 12
    schema.ensure(place.warehouse)
    with place.warehouse.reading() as connection:
        assert schema.is_current(connection)
        assert rows_of(connection, before) == before


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_view_and_check_answers_on_an_upgraded_warehouse(revision: str, older: Open) -> None:
    place = older(revision)
    schema.ensure(place.warehouse)
    with place.warehouse.reading() as connection:
        for name in sql.list_names("views"):
            connection.exec_driver_sql(f"select * from {name}").all()
        failed = [result.name for result in checks.run_checks(connection) if result.verdict == "fail"]
        # What a migration adds is empty until a replay, and a check says so.
        assert failed in ([], ["transcript_without_conversation"])


@pytest.mark.slow
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_replay_makes_an_upgraded_warehouse_what_a_new_one_would_be(
    revision: str, older: Open, tmp_path: Path
) -> None:
    place = older(revision)
    schema.ensure(place.warehouse)
    assert place.replay().problems == []
    new = Warehouse.at(tmp_path / "new.duckdb")
    schema.migrate(new)
    assert load_manifests(new, place.landing.find_manifests().values()).records == 12
    assert tables_of(place.warehouse) == tables_of(new)
    for warehouse in (place.warehouse, new):
        with warehouse.reading() as connection:
            assert [each.name for each in checks.run_checks(connection) if each.verdict == "fail"] == []


@pytest.mark.slow
@pytest.mark.parametrize(("lower", "upper"), STEPS)
def test_every_migration_goes_up_and_down_on_a_filled_file(lower: str, upper: str, older: Open) -> None:
    place = older(lower)
    before = read(place.warehouse)
    kept = without_views(before)
    schema.migrate(place.warehouse, upper)
    assert read(place.warehouse, kept) == kept
    schema.migrate(place.warehouse, lower)
    below = read(place.warehouse)
    assert below.keys() == before.keys()
    assert {table: below[table] for table in kept} == kept
    # The copy that is kept before rows are lost is the file as it was.
    copies = list(place.folder.glob(f"warehouse.before-{upper}.duckdb"))
    assert len(copies) == migration.read_scripts().get_revision(upper).module.destructive_downgrade
    for copy in copies:
        assert read(Warehouse.at(copy), kept) == kept
    schema.migrate(place.warehouse)
    assert read(place.warehouse, kept) == kept


@pytest.mark.slow
@pytest.mark.parametrize(("lower", "upper"), STEPS)
def test_going_down_loses_nothing_but_what_the_step_had_added(lower: str, upper: str, older: Open) -> None:
    place = older(upper)
    before = read(place.warehouse)
    schema.migrate(place.warehouse, lower)
    below = read(place.warehouse)
    for table, (columns, rows) in below.items():
        kept = [before[table][0].index(column) for column in columns]
        assert sorted(rows) == sorted(tuple(row[place] for place in kept) for row in before[table][1])
    schema.migrate(place.warehouse)
    assert place.replay().problems == []


def test_an_upgrade_says_how_to_fill_what_is_new(older: Open) -> None:
    said: list[str] = []
    place = older("20261130_account")
    schema.ensure(place.warehouse, said.append)
    assert len(said) == 1
    assert "run `python -m pipeline replay`" in said[0]
    schema.ensure(place.warehouse, said.append)
    assert len(said) == 1


def test_going_down_drops_calls_that_only_listings_know(older: Open) -> None:
    place = older("20261130_account")
    with place.warehouse.writing() as connection:
        connection.exec_driver_sql(
            "update calls set detail = 'listed' where call_id = (select min(call_id) from calls)"
        )
    before = read(place.warehouse)
    (listed,) = [row[0] for row in before["calls"][1] if "listed" in row]
    schema.migrate(place.warehouse, "20261122_initial")
    below = read(place.warehouse)
    for table in ("calls", "latency_stats", "latency_values", "call_analysis", "call_costs"):
        calls = {row[0] for row in before[table][1]}
        assert {row[0] for row in below[table][1]} == calls - {listed}
    assert len(below["calls"][1]) == 11
    schema.migrate(place.warehouse)
    assert place.replay().problems == []
    assert len(read(place.warehouse)["calls"][1]) == 12


@pytest.mark.slow
def test_the_newest_goes_down_to_base_and_a_load_brings_everything_back(older: Open) -> None:
    place = older(REVISIONS[-1])
    schema.ensure(place.warehouse)
    before = tables_of(place.warehouse)
    schema.migrate(place.warehouse, "base")
    schema.migrate(place.warehouse)
    assert place.load().records == 12
    assert tables_of(place.warehouse) == before
