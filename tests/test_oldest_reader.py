"""What keeps the file readable by old versions of DuckDB, which `docs/readers/try_duckdb.py` tries."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from make_warehouse import FIXTURES, revisions
from pipeline import sql
from pipeline.publish import readers_copy
from pipeline.warehouse import schema
from pipeline.warehouse.database import Warehouse
from support.warehouse_files import Place, query

# What the file holds: other statements are run by the DuckDB that is installed here.
IN_THE_FILE = [
    f"{group}/{name}" for group in (*schema.MACROS, "checks", "views") for name in sql.list_names(group)
]
_MACRO = re.compile(r"create or replace macro (\w+)\(([^)]*)\)")


def positions(text: str, name: str) -> Iterator[int]:
    """Yield how many arguments each use of a macro passes by position."""
    for found in re.finditer(rf"\b{name}\(", text):
        depth, pieces = 0, [""]
        for letter in text[found.end() :]:
            if letter in ")]}" and depth == 0:
                break
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and depth == 0:
                pieces.append("")
            else:
                pieces[-1] += letter
        yield sum(bool(piece.strip()) and ":=" not in piece for piece in pieces)


def test_what_has_a_default_is_passed_by_name_because_duckdb_1_3_takes_it_no_other_way() -> None:
    texts = {name: re.sub(r"--.*", "", sql.read(name)) for name in IN_THE_FILE}
    needed = {
        name: sum(":=" not in parameter for parameter in parameters.split(",") if parameter.strip())
        for text in texts.values()
        for name, parameters in _MACRO.findall(text)
        if ":=" in parameters
    }
    assert len(needed) > 9
    by_position = {
        (statement, name)
        for statement, text in texts.items()
        for name, count in needed.items()
        if any(passed > count for passed in positions(_MACRO.sub("", text), name))
    }
    assert by_position == set()


def storage_version(file: Path) -> str:
    [(tags,)] = query(
        Warehouse.at(file), "select tags from duckdb_databases() where database_name = current_database()"
    )
    return str(tags["storage_version"])


def test_a_warehouse_and_its_copy_are_stored_as_the_oldest_promised_reader_can_read(tmp_path: Path) -> None:
    warehouse, copy = Warehouse.at(tmp_path / "warehouse.duckdb"), tmp_path / "analytics.duckdb"
    schema.ensure(warehouse)
    readers_copy.publish(warehouse, copy)
    assert [storage_version(file) for file in (tmp_path / "warehouse.duckdb", copy)] == ["v1.2.0+", "v1.2.0+"]


@pytest.mark.slow
def test_a_warehouse_stored_as_before_loads_and_stays_as_it_is(tmp_path: Path) -> None:
    place = Place(tmp_path)
    packed = (FIXTURES / f"{revisions()[0]}.duckdb.zst").read_bytes()
    (tmp_path / "warehouse.duckdb").write_bytes(zstandard.ZstdDecompressor().decompress(packed))
    shutil.copytree(FIXTURES / "landing", tmp_path / "landing")
    for manifest in (tmp_path / "landing").glob("*/*.json"):
        manifest.rename(manifest.with_name(f"later-{manifest.name}"))
    calls = place.rows("select count(*) from calls")
    place.load()
    assert place.rows("select count(*) from calls") == calls
    assert storage_version(tmp_path / "warehouse.duckdb") == "v1.0.0+"


@pytest.mark.parametrize("rows", [1, 3000])
def test_transcripts_are_stored_with_zstd_and_not_by_chance(tmp_path: Path, rows: int) -> None:
    warehouse = Warehouse.at(tmp_path / "warehouse.duckdb")
    schema.ensure(warehouse)
    with warehouse.writing() as connection:
        connection.exec_driver_sql(
            "insert into calls by name select *,"
            " '' as call_status, '' as payload_shape, '' as payload_hash, '' as load_id,"
            " now()::timestamp as first_seen_at, first_seen_at as extracted_at"
            " from (select row::varchar as call_id, string_agg(md5(number || '.' || row)) as transcript"
            f" from range({rows}) as rows (row), range(20) as numbers (number) group by row)"
        )
    stored = query(
        warehouse,
        "select distinct compression from pragma_storage_info('calls')"
        " where column_name = 'transcript' and segment_type = 'VARCHAR'",
    )
    assert stored == [("ZSTD",)]
