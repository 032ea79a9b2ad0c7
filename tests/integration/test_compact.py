"""Compacting: the same warehouse in a smaller file, whatever becomes of the process that rewrites it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from make_warehouse import FIXTURES, revisions
from pipeline.errors import WarehouseError
from pipeline.warehouse import compact, schema
from pipeline.warehouse.database import Warehouse
from support.command_line import Cli
from support.warehouse_files import query, tables_of

_CATALOGUE = (
    "select table_name, comment, sql from duckdb_tables() order by all",
    "select table_name, column_index, column_name, data_type, is_nullable, comment from duckdb_columns()"
    " where not internal order by all",
    "select view_name, comment, sql from duckdb_views() where not internal order by all",
    "select function_name, parameters, macro_definition, comment from duckdb_functions()"
    " where not internal order by all",
)
_OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1])"


def catalogue(warehouse: Warehouse) -> list[list[tuple[Any, ...]]]:
    return [query(warehouse, statement) for statement in _CATALOGUE]


def at_once(_: float) -> None:
    """Take no time where only another process would need it."""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Unpack a warehouse in the format of DuckDB 1.0."""
    file = tmp_path / "warehouse.duckdb"
    packed = (FIXTURES / f"{revisions()[-1]}.duckdb.zst").read_bytes()
    file.write_bytes(zstandard.ZstdDecompressor().decompress(packed))
    return replace(Warehouse.at(file, lock_timeout_s=1), sleep=at_once)


def test_a_compacted_warehouse_is_the_same_as_new_ones_are_stored(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    file = tmp_path / "warehouse.duckdb"
    file.chmod(0o640)
    # What a killed process left is in nobody's way.
    for name in ("warehouse.duckdb.compacting", "warehouse.duckdb.compacting.wal"):
        (tmp_path / name).write_bytes(b"half a file")
    before, described, size = tables_of(warehouse), catalogue(warehouse), file.stat().st_size
    done = compact.compact(warehouse)
    assert (done.bytes_before, done.bytes_after) == (size, file.stat().st_size)
    assert done.bytes_after < done.bytes_before
    assert tables_of(warehouse) == before
    assert catalogue(warehouse) == described
    assert query(warehouse, "select tags['storage_version'] from duckdb_databases() where not internal") == [
        ("v1.2.0+",)
    ]
    assert query(
        warehouse,
        "select distinct compression from pragma_storage_info('calls')"
        " where column_name = 'transcript' and segment_type = 'VARCHAR'",
    ) == [("ZSTD",)]
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


@pytest.mark.slow
def test_whoever_opened_the_former_file_in_the_last_moment_cannot_write_to_it(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    file, former = tmp_path / "warehouse.duckdb", tmp_path / "former.duckdb"
    opened: list[int] = []

    def look(_: float) -> None:
        opened.extend(
            subprocess.run([sys.executable, "-c", _OPEN, path], capture_output=True).returncode
            for path in (former, file)
        )

    os.link(file, former)
    compact.compact(replace(warehouse, sleep=look))
    assert opened == [1, 0]


@pytest.mark.slow
def test_where_no_new_file_can_be_written_the_former_one_stays(tmp_path: Path, warehouse: Warehouse) -> None:
    file = tmp_path / "warehouse.duckdb"
    (tmp_path / "warehouse.duckdb.compacting").mkdir()
    before = file.read_bytes()
    with pytest.raises(WarehouseError, match="the warehouse is as it was"):
        compact.compact(warehouse)
    assert file.read_bytes() == before


@pytest.mark.slow
def test_a_warehouse_behind_a_link_is_rewritten_where_it_is(tmp_path: Path, warehouse: Warehouse) -> None:
    real, link = tmp_path / "elsewhere" / "real.duckdb", tmp_path / "warehouse.duckdb"
    before = tables_of(warehouse)
    real.parent.mkdir()
    shutil.move(link, real)
    link.symlink_to(real)
    compact.compact(warehouse)
    assert link.is_symlink()
    assert tables_of(warehouse) == before


@pytest.mark.slow
def test_what_was_deleted_is_in_no_byte_of_a_compacted_file(tmp_path: Path, warehouse: Warehouse) -> None:
    file, number = tmp_path / "warehouse.duckdb", "+4930" + "1234567"
    for statement in (
        f"create table callers as select '{number}' as caller",
        "create table later as select range as number from range(200000)",
        "delete from callers",
    ):
        with warehouse.writing() as connection:
            connection.exec_driver_sql(statement)
    assert number.encode() in file.read_bytes()
    compact.compact(warehouse)
    assert number.encode() not in file.read_bytes()


@pytest.mark.slow
def test_the_command_says_what_it_gave_and_loads_go_on(
    tmp_path: Path, cli: Cli, warehouse: Warehouse
) -> None:
    shutil.copytree(FIXTURES / "landing", tmp_path / "landing")
    schema.ensure(warehouse)
    before = tables_of(warehouse)
    ran = cli("compact", "--data-dir", tmp_path, "--json")
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert said["bytes_after"] < said["bytes_before"]
    assert cli("replay", "--data-dir", tmp_path).code == 0
    assert tables_of(warehouse) == before
