"""What 500 calls cost in a warehouse that holds 100,000 already, beside the same in an empty one.

The large warehouse is made of loaded calls, copied by SQL with another id and another day.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import duckdb

from benchmarks import contest
from benchmarks.bodies import call_ids
from benchmarks.contest import Measured, Ran, Row, Scale
from benchmarks.landed import land
from benchmarks.server import serving
from pipeline import load, publish, results, schema, tables
from pipeline.landing import Landing
from pipeline.warehouse import Warehouse

_ADDED = 500
_BASE = 1000
_CHUNKS = 10_000
# Columns of a copy that differ from those of its original; every copy is a day later.
_REPLACED = {
    # The number of a call is at its end; before it is room for that of the copy.
    "call_id": "call_id[1:16] || printf('%08d', $copy + 1) || call_id[25:]",
    "started_at": "started_at + interval (-$copy) day",
    "ended_at": "ended_at + interval (-$copy) day",
}
_COPIED = tuple(
    name
    for name, table in tables.metadata.tables.items()
    if "call_id" in table.columns and not name.startswith("etl_")
)


def measure(scale: Scale) -> Measured:
    with contest.scratch() as folder, serving() as base_url:
        large = folder / "large"
        multiplied(large, scale.large)
        held = (large / "warehouse.duckdb").stat().st_size
        first = count(10 * _BASE, _ADDED)
        runs = contest.alternately(
            {
                "large": lambda: _add(folder, large, base_url, first),
                "empty": lambda: _add(folder, _migrated(folder), base_url, first),
            },
            scale.repetitions,
        )
        published = publish.publish(Warehouse.at(large / "warehouse.duckdb"), large / "analytics.duckdb")
    own, empty = runs["large"], runs["empty"]
    row = Row(
        f"{_ADDED} calls into a warehouse of {scale.large:,}",
        f"{_ADDED} into an empty one",
        contest.pairwise(own, empty),
        1.5,
        False,
        f"{contest.seconds(own):.2f} s, {contest.cpu(own):.2f} CPU s ({held / 1e6:,.0f} MB; the readers' "
        f"copy that a run makes at its end takes {published.duration_s:.1f} s more)",
        f"{contest.seconds(empty):.2f} s, {contest.cpu(empty):.2f} CPU s",
    )
    slower_s = max(0.0, contest.seconds(own) - contest.seconds(empty))
    figures = {
        "publish_s_per_gb": published.duration_s / (held / 1e9),
        # Seconds that a call takes longer to add for every call that is held.
        "load_growth_s": slower_s / _ADDED / scale.large,
        "pending_s_per_chunk": _seconds_per_chunk(),
    }
    return Measured([row], figures)


def _seconds_per_chunk() -> float:
    """Return how long a load looks for what is not loaded yet, for every chunk that is landed."""
    with contest.scratch() as folder:
        landing = Landing(folder / "landing", folder / "quarantine")
        run = landing.landing_dir / "run"
        run.mkdir(parents=True)
        for number in range(_CHUNKS):
            (run / f"run-{number:06d}.json").touch()
        started = time.monotonic()
        assert len(landing.manifests()) == _CHUNKS
        return (time.monotonic() - started) / _CHUNKS


def multiplied(data: Path, size: int) -> None:
    """Make a warehouse of `size` calls in a data folder."""
    base = data / "base"
    landing = land(base, min(_BASE, size))
    warehouse = Warehouse.at(base / "base.duckdb")
    schema.ensure(warehouse)
    assert not load.load_pending(warehouse, landing, refresh_window_s=86_400).problems
    schema.ensure(Warehouse.at(data / "warehouse.duckdb"))
    with duckdb.connect(str(data / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{base / 'base.duckdb'}' as base (read_only)")
        for copy in range(max(1, size // _BASE)):
            for table in _COPIED:
                _copy(connection, table, copy)
        connection.execute("checkpoint")
        counted = connection.execute("select count(distinct call_id) from calls").fetchone()
        assert counted == (size,), counted
    # As they are where the calls came by and by.
    results.store(Warehouse.at(data / "warehouse.duckdb"))


def _copy(connection: duckdb.DuckDBPyConnection, table: str, copy: int) -> None:
    columns = tables.metadata.tables[table].columns.keys()
    replaced = ", ".join(f"{made} as {name}" for name, made in _REPLACED.items() if name in columns)
    connection.execute(
        f"insert into {table} by name select * replace ({replaced}) from base.{table}", {"copy": copy}
    )


def _migrated(folder: Path) -> Path:
    data = folder / f"empty-{len(list(folder.iterdir()))}"
    schema.ensure(Warehouse.at(data / "warehouse.duckdb"))
    return data


def _add(folder: Path, data: Path, base_url: str, first: Iterator[int]) -> Ran:
    ids = contest.ids_file(folder, call_ids(_ADDED, next(first)))
    return contest.backfill(ids, data, base_url, PIPELINE_PUBLISH="off")
