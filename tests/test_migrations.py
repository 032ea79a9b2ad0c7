"""The schema: migrations build what tables.py says, lose nothing unasked, and views follow them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from pipeline import sql
from pipeline.errors import UsageError, WarehouseMismatch
from pipeline.warehouse import migration, schema, stored_results, tables
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Payload, Place, load_manifests

# What DuckDB itself says of a schema, so that a difference in type, default, constraint or comment shows.
_COLUMNS = """
select table_name, column_name, column_index, data_type, is_nullable, column_default, comment
from duckdb_columns() where table_name != 'alembic_version' and not internal and table_name in
(select table_name from duckdb_tables()) order by all
"""
_TABLES = "select table_name, comment from duckdb_tables() where table_name != 'alembic_version' order by all"
_CONSTRAINTS = """
select table_name, constraint_type, constraint_column_names
from duckdb_constraints() where table_name != 'alembic_version' order by all
"""


def described(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        [tuple(map(str, row)) for row in connection.exec_driver_sql(query)]
        for query in (_COLUMNS, _TABLES, _CONSTRAINTS)
    ]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse.at(tmp_path / "warehouse.duckdb", lock_timeout_s=1)
    schema.ensure(made)
    return made


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.reading() as opened:
        yield opened


def test_migrated_database_is_what_tables_say(connection: Connection) -> None:
    with Warehouse.in_memory().exclusive() as fresh:
        tables.metadata.create_all(fresh)
        schema.apply_views(fresh)
        assert described(connection) == described(fresh)


def test_every_table_and_column_has_a_comment(connection: Connection) -> None:
    columns, commented, _ = described(connection)
    assert [row for row in columns if row[-1] == "None"] == []
    assert [row for row in commented if row[-1] == "None"] == []
    assert {name for name, _ in commented} == {*tables.metadata.tables, *stored_results.list_result_tables()}


def test_there_is_one_head_and_it_says_what_it_loses() -> None:
    heads = migration.read_scripts().get_heads()
    assert len(heads) == 1
    for script in migration.read_scripts().walk_revisions():
        assert isinstance(script.module.destructive_upgrade, bool)
        assert isinstance(script.module.destructive_downgrade, bool)


def test_revisions_are_read_as_alembic_reads_them() -> None:
    scripts = list(migration.read_scripts().walk_revisions())
    assert schema.find_head() == migration.read_scripts().get_current_head()
    assert schema._find_revisions() == {script.revision for script in scripts}


def test_a_warehouse_that_is_current_is_recognised_without_alembic(warehouse: Warehouse) -> None:
    looked = """
import sys
from pathlib import Path
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
warehouse = Warehouse.at(Path(sys.argv[1]))
schema.ensure(warehouse)
with warehouse.reading() as connection:
    schema.check_unchanged(connection)
assert "alembic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", looked, str(warehouse.path)], check=True)


def test_a_warehouse_at_two_revisions_is_left_alone(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.exec_driver_sql("insert into alembic_version values ('20991231_other')")
    with pytest.raises(WarehouseMismatch, match=f"{schema.find_head()}, 20991231_other"):
        schema.ensure(warehouse)


def test_migrating_again_changes_nothing(warehouse: Warehouse) -> None:
    assert schema.migrate(warehouse) == (schema.find_head(), schema.find_head())


def test_every_view_answers_after_migrating(connection: Connection) -> None:
    # What a check, a documented reason or the warehouse itself is stands in an empty one too.
    always = {"check_results", "disconnection_reasons", "freshness"}
    for name in sql.list_names("views"):
        rows = connection.exec_driver_sql(f"select * from {name}").all()
        assert bool(rows) == (name in always), name


def test_views_are_applied_again_when_their_text_changed(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_hash_views", lambda: "another")
    with warehouse.exclusive() as connection, connection.begin():
        connection.exec_driver_sql("drop view daily_latency")
    schema.ensure(warehouse)
    with warehouse.reading() as connection:
        assert schema.is_current(connection)
        assert connection.exec_driver_sql("select count(*) from daily_latency").scalar() == 0


def test_down_to_base_keeps_a_copy_and_up_again_loads_everything(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    place.land([Payload("c1", b'{"call_id": "c1", "agent_id": "a", "call_status": "ended"}')])
    load_manifests(place.warehouse, place.waiting(), refresh_window_s=1)
    said: list[str] = []
    assert schema.migrate(place.warehouse, "base", said.append) == (schema.find_head(), None)
    (copy,) = tmp_path.glob("warehouse.before-*.duckdb")
    assert str(copy) in said[0]
    with Warehouse.at(copy).reading() as connection:
        assert connection.exec_driver_sql("select call_id from calls").scalars().all() == ["c1"]
    with place.warehouse.reading() as connection:
        assert connection.exec_driver_sql(sql.read("schema/views")).scalars().all() == []
    assert schema.migrate(place.warehouse) == (None, schema.find_head())
    load_manifests(place.warehouse, place.waiting(), refresh_window_s=1)
    with place.warehouse.reading() as connection:
        assert connection.exec_driver_sql("select call_id from calls").scalars().all() == ["c1"]


def test_a_replay_fills_columns_that_a_migration_added_from_what_is_landed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    schema.ensure(place.warehouse)
    turn = b'{"role": "agent", "content": "hi", "words": [{"word": "hi", "confidence": 1}]}'
    tool = b'{"role": "tool_call_invocation", "tool_call_id": "t", "name": "n", "thought_signature": "z"}'
    lists = b'"scrubbed_transcript_with_tool_calls": [' + turn + b", " + tool + b"]"
    body = b'{"call_id": "c1", "agent_id": "a", "call_status": "ended", ' + lists + b"}"
    place.land([Payload("c1", body)])
    load_manifests(place.warehouse, place.waiting(), refresh_window_s=1)
    everything = place.tables()
    added = """
        select transcript_source, utterances.extra, tool_calls.extra
        from calls join utterances using (call_id) join tool_calls using (call_id)
    """
    full = [
        (
            "scrubbed_transcript_with_tool_calls",
            {"words": [{"confidence": 1}]},
            {"invocation": {"thought_signature": "z"}},
        )
    ]
    assert place.rows(added) == full
    # As a warehouse was that an older version has filled.
    schema.migrate(place.warehouse, "20261122_initial")
    names = "select column_name from duckdb_columns() where table_name = 'calls'"
    assert ("transcript_source",) not in place.rows(names)
    schema.migrate(place.warehouse)
    assert place.rows(added) == [(None, None, None)]
    assert place.rows("select * from etl_drift") == []
    place.replay()
    assert place.rows(added) == full
    assert place.rows("select json_path from etl_drift") == [
        ("$.scrubbed_transcript_with_tool_calls[*].words[*].confidence",)
    ]
    assert place.tables() == everything


def test_an_older_schema_has_tables_of_results_as_it_knows_them_and_no_day_that_holds(
    warehouse: Warehouse,
) -> None:
    with warehouse.writing() as connection:
        connection.exec_driver_sql("insert into stored_days values (date '2025-01-01')")
        # As a later version's views might have it.
        connection.exec_driver_sql("alter table stored_daily_costs drop column cost_cents")
    schema.migrate(warehouse, "20261123_stored_results")
    with warehouse.reading() as connection:
        names = connection.exec_driver_sql("select * from stored_daily_costs").keys()
        assert "cost_cents" in names
        assert connection.exec_driver_sql("select * from stored_days").all() == []
    schema.migrate(warehouse)
    with warehouse.reading() as connection:
        assert connection.exec_driver_sql("select * from daily_costs").keys() == names


def test_a_second_copy_does_not_replace_the_first(warehouse: Warehouse, tmp_path: Path) -> None:
    for _ in range(2):
        schema.migrate(warehouse, "base")
        schema.migrate(warehouse)
    assert len(list(tmp_path.glob("warehouse.before-*.duckdb"))) == 2


def test_an_unknown_revision_is_refused_with_those_that_exist(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match=schema.find_head()):
        schema.migrate(warehouse, "nope")


def test_a_warehouse_of_a_newer_version_is_left_alone(warehouse: Warehouse) -> None:
    with warehouse.writing() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '29991231_future'")
    with pytest.raises(WarehouseMismatch, match="29991231_future"):
        schema.ensure(warehouse)
