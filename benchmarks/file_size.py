"""How large the warehouse is, as loads leave it and compacted, beside the same tables as Parquet with zstd.

Parquet is what DuckDB writes of each table, in the order of the warehouse: zstd at its default level of 3 and
row groups of 122,880 rows, as in the warehouse. It holds no views.

    python -m benchmarks.file_size 2000 200      of 200 bodies, each with ten ids

Up to 2,000 calls all differ, like an account's; what comes again compresses better in Parquet.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from benchmarks import contest
from benchmarks.bodies import DISTINCT, call_ids
from benchmarks.contest import Measured, Row, Scale
from benchmarks.landed import land, load_landed
from pipeline.warehouse import compact, schema
from pipeline.warehouse.database import Warehouse

# Blocks that are half full and others that are free weigh less in a larger file.
_TIMES_MORE = 10


def measure(scale: Scale) -> Measured:
    few, many = measured(scale.calls), measured(scale.calls * _TIMES_MORE)
    return Measured([*few.rows, *many.rows], few.figures)


def measured(calls: int, distinct: int = DISTINCT) -> Measured:
    """Measure one warehouse; its figures are bytes for a call."""
    with contest.scratch() as folder:
        landing = land(folder, call_ids(calls), distinct=distinct)
        file = folder / "warehouse.duckdb"
        warehouse = Warehouse.at(file)
        schema.ensure(warehouse)
        empty = file.stat().st_size
        load_landed(warehouse, landing)
        size = file.stat().st_size
        parquet = _as_parquet(file, folder / "parquet")
        compacted = compact.compact(warehouse)
        raw = sum(path.stat().st_size for path in landing.landing_dir.glob("*/*.ndjson.zst"))
    rows = [
        Row(
            f"warehouse file of {calls:,} calls{how}",
            "Parquet zstd of the same tables",
            held / parquet,
            1.5,
            False,
            ours,
            f"{parquet / 1e6:,.1f} MB",
        )
        for how, held, ours in (
            (
                "",
                size,
                f"{size / 1e6:,.1f} MB, of which {empty / 1e6:,.1f} MB empty; landed {raw / 1e6:,.1f} MB",
            ),
            (
                ", after `compact`",
                compacted.bytes_after,
                f"{compacted.bytes_after / 1e6:,.1f} MB, in {compacted.duration_s:,.1f} s",
            ),
        )
    ]
    figures = {
        "warehouse_bytes_per_call": (size - empty) / calls,
        "landed_bytes_per_call": raw / calls,
        "parquet_bytes_per_call": parquet / calls,
    }
    return Measured(rows, figures)


def _as_parquet(file: Path, folder: Path) -> int:
    folder.mkdir()
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        for (table,) in tables:
            path = str(folder / f"{table}.parquet")
            connection.table(table).write_parquet(path, compression="zstd")
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    for line in measured(int(sys.argv[1]), int(sys.argv[2])).rows:
        print(f"{line.what}: {line.value:.2f} × {line.against} ({line.ours}; {line.theirs})")
